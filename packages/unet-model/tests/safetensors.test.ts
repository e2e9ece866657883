import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { createRandom, isNnunetError } from "@nnunet/core";
import { readSafetensors, type Tensor, writeSafetensors } from "@nnunet/unet-model";

const tensors = new Map<string, Tensor>([
  ["a", { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3] }],
  ["b", { data: Int16Array.of(7), shape: [] }],
  ["0", { data: Uint8Array.of(1, 2, 3), shape: [3] }],
]);
const good = writeSafetensors(tensors, { note: "it is “quoted”", 7: "seven" });

/** A file of any header, as another program might write it. */
function file(header: unknown, body = 8): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + body);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

test("gives back what was written, and says that it was checked", () => {
  const read = readSafetensors(good, "x");
  expect(read.metadata).toEqual({ note: "it is “quoted”", 7: "seven" });
  expect(read.checked).toBe(true);
  expect(new Map([...read.tensors].sort())).toEqual(new Map([...tensors].sort()));
});

test("of another program, without a checksum, is read and said to be unchecked", () => {
  const { tensors: found, checked } = readSafetensors(
    file({
      b: { dtype: "F32", shape: [1], data_offsets: [4, 8] },
      a: { dtype: "F32", shape: [1, 1], data_offsets: [0, 4] },
    }),
    "x",
  );
  expect([...found.keys()].sort()).toEqual(["a", "b"]);
  expect(checked).toBe(false);
});

test("one flipped bit anywhere is refused", () => {
  const random = createRandom(0);
  for (let i = 0; i < 2000; i++) {
    const flipped = Uint8Array.from(good);
    const at = random.integer(0, good.length);
    flipped[at]! ^= 1 << random.integer(0, 8);
    let read: ReturnType<typeof readSafetensors> | undefined;
    try {
      read = readSafetensors(flipped, "x");
    } catch (error) {
      expect(isNnunetError(error, "INVALID_ARTIFACT")).toBe(true);
    }
    // a space more or the checksum's own name is all that may pass, and then the file does not claim to be checked
    if (read?.checked) expect(new Map([...read.tensors].sort())).toEqual(new Map([...tensors].sort()));
  }
});

const f32 = (from: number, to: number, shape = [(to - from) / 4]) => ({
  dtype: "F32",
  shape,
  data_offsets: [from, to],
});

test.each<[string, Uint8Array, string]>([
  ["nothing", new Uint8Array(), "expected at least 8 bytes, got 0"],
  ["a header longer than the file", file("{}").fill(255, 0, 7), "promises"],
  ["no JSON", file("{"), "header: not valid JSON"],
  ["no UTF-8", file("{}").fill(0xff, 8, 9), "header: not valid JSON"],
  ["a list", file([]), "header: expected an object, got []"],
  ["null", file(null), "header: expected an object, got null"],
  ["nesting of 100,000", file("[".repeat(100_000)), "nest"],
  ["metadata that are null", file({ __metadata__: null }), "__metadata__: expected an object of texts, got null"],
  ["metadata that are a number", file({ __metadata__: { a: 1 } }), "__metadata__.a: expected a text, got 1"],
  ["a tensor that is null", file({ a: null }), "a: expected dtype, shape and data_offsets, got null"],
  [
    "a type that objects have",
    file({ a: { ...f32(0, 8), dtype: "constructor" } }),
    'a.dtype: expected one of F32, F64, I32, I16, U8, got "constructor"',
  ],
  ["a negative size", file({ a: f32(0, 8, [-1, -2]) }), "a.shape: expected sizes, got [-1, -2]"],
  ["a shape of texts", file({ a: { ...f32(0, 8), shape: ["2"] } }), 'a.shape: expected sizes, got ["2"]'],
  ["a fraction", file({ a: f32(0, 8, [0.5, 4]) }), "a.shape: expected sizes"],
  ["sizes beyond 2⁵³", file({ a: f32(0, 8, [2 ** 30, 2 ** 30]) }), "a: size and shape disagree"],
  [
    "three offsets",
    file({ a: { ...f32(0, 8), data_offsets: [0, 4, 8] } }),
    "a.data_offsets: expected where it begins and ends",
  ],
  ["an end before the start", file({ a: { ...f32(0, 8), data_offsets: [8, 0] } }), "a: size and shape disagree"],
  ["a gap", file({ a: f32(4, 8) }), "a: begins at byte 4, expected 0"],
  ["an overlap", file({ a: f32(0, 8), b: f32(4, 8) }), "b: begins at byte 4, expected 8"],
  ["bytes that belong to nobody", file({ a: f32(0, 4) }), "expected 4 bytes of tensors, found 8"],
  ["a tensor beyond the end", file({ a: f32(0, 16) }), "expected 16 bytes of tensors, found 8"],
])("%s is refused in one sentence", (_, bytes, problem) => {
  let error: unknown;
  try {
    readSafetensors(bytes, "x.safetensors");
  } catch (caught) {
    error = caught;
  }
  expect(isNnunetError(error, "INVALID_ARTIFACT")).toBe(true);
  expect((error as Error).message).toContain(problem);
  expect((error as Error).message).toMatch(/^x\.safetensors/);
});

test("3,000 tensors that share the same 2.7 MB take no more memory than the file", () => {
  const size = 2_700_000;
  const header = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`t${i}`, f32(0, size)]));
  const bytes = file(header, size);
  const before = process.memoryUsage().arrayBuffers;
  expect(() => readSafetensors(bytes, "x")).toThrow("begins at byte 0, expected 2700000");
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(3 * size);
});

const received = fileURLToPath(new URL("../../../../shared/cases/hostile/04-safetensors/", import.meta.url));
const sent = (() => {
  try {
    return readdirSync(received);
  } catch {
    return [];
  }
})();
if (sent.length === 0) console.warn("skipped: ../shared/cases/hostile is not there");
(sent.length === 0 ? test.skip : test)("every file of the collection that was sent to us is refused", () => {
  for (const name of sent) expect(() => readSafetensors(readFileSync(received + name), name)).toThrow(name);
});
