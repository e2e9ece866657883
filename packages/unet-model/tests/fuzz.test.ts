import { expect, jest, test } from "@jest/globals";
import { readSafetensors, type Tensor, writeSafetensors } from "@nnunet/unet-model";
import { fuzz, fuzzTimeout, mutate } from "../../core/tests/mutants.ts";

jest.setTimeout(fuzzTimeout);

const tensors = new Map<string, Tensor>([
  ["weights/a", { data: Float32Array.from({ length: 24 }, (_, i) => i), shape: [2, 3, 4] }],
  ["weights/b", { data: Float32Array.of(1, 2, 3), shape: [3] }],
  ["c", { data: Uint8Array.of(1, 2, 3), shape: [3, 1] }],
]);
const good = writeSafetensors(tensors, { nnunet: JSON.stringify({ format: "x", history: [1, 2] }) });
const headerLength = Number(Buffer.from(good).readBigUint64LE(0));

/** Without a checksum, so that what lies behind it is tried. */
const unchecked = (() => {
  const header = JSON.parse(Buffer.from(good.subarray(8, 8 + headerLength)).toString());
  delete header.__metadata__.sha256;
  const json = Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUint64LE(BigInt(json.length));
  return Buffer.concat([size, json, good.subarray(8 + headerLength)]);
})();

test.each([
  ["with a checksum", good, false],
  ["without one", unchecked, true],
] as const)(
  "mutants of a safetensors file %s are refused, or give tensors that tile the file",
  async (_, original, someRead) => {
    const read = await fuzz(
      original.length,
      3000,
      (random) => mutate(original, random, 8 + headerLength),
      (bytes) => {
        const found = readSafetensors(bytes, "x.safetensors");
        let total = 0;
        for (const { data, shape } of found.tensors.values()) {
          expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
          total += data.byteLength;
        }
        expect(total).toBeLessThanOrEqual(bytes.length);
        for (const value of Object.values(found.metadata)) expect(typeof value).toBe("string");
        if (found.checked) expect(new Map([...found.tensors].sort())).toEqual(new Map([...tensors].sort()));
      },
    );
    if (someRead) expect(read).toBeGreaterThan(0);
  },
);
