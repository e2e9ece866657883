import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Geometry, VolumeShape } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import {
  readV2Probabilities,
  v2Placement,
  v2ProbabilitiesChunks,
  v2ProbabilitiesShape,
  v2PropertiesPickle,
  zipChunks,
} from "@nnunet/interop";
import fc from "fast-check";
import { program, text } from "./hostile-files.ts";

// Made by tools/fixtures/interop/probabilities.py with nnU-Net v2's own functions.
const fixtures = new URL("./fixtures/probabilities/", import.meta.url).pathname;
const [a, b, mean] = ["a", "b", "mean"].map((name) => join(fixtures, name, "case.npz")) as [string, string, string];
const geometry: Geometry = {
  spacing: [2.5, 0.8, 0.7],
  origin: [-3, 4.5, 10],
  direction: [0, -1, 0, 1, 0, 0, 0, 0, 1],
};
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-probabilities-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("probabilities that nnU-Net v2 stored", () => {
  test("are read in C order, and their mean is v2's", async () => {
    expect(await v2ProbabilitiesShape(a)).toEqual([3, 4, 5, 6]);
    const [first, second, both] = await Promise.all([a, b, mean].map(readV2Probabilities));
    expect(first!.shape).toEqual([3, 4, 5, 6]);
    for (let voxel = 0; voxel < 120; voxel++) {
      const sum = [0, 1, 2].reduce((total, c) => total + first!.data[c * 120 + voxel]!, 0);
      expect(sum).toBeCloseTo(1, 6);
    }
    both!.data.forEach((value, i) => {
      expect(value).toBe(Math.fround(Math.fround(first!.data[i]! + second!.data[i]!) / 2));
    });
  });

  test("of half precision, and of axes in the other order, too", async () => {
    const { data } = await readV2Probabilities(a);
    const half = await readV2Probabilities(join(fixtures, "odd", "half.npz"));
    half.data.forEach((value, i) => {
      expect(Math.abs(value - data[i]!)).toBeLessThan(2 ** -11);
    });
    const turned = await readV2Probabilities(join(fixtures, "odd", "fortran.npz"));
    expect(turned.shape).toEqual([1, 6, 5, 4]);
    for (const [z, y, x] of [
      [0, 0, 1],
      [3, 4, 5],
      [2, 1, 0],
    ] as const) {
      expect(turned.data[(x * 5 + y) * 4 + z]).toBe(data[(z * 5 + y) * 6 + x]);
    }
  });

  test("lie where their properties say", async () => {
    expect(await v2Placement(join(fixtures, "a", "case.pkl"))).toEqual(geometry);
  });
});

describe("probabilities for nnU-Net v2", () => {
  test("come back as they were, whatever the pieces", async () => {
    const shape: VolumeShape = [2, 3, 4, 5];
    const values = Float32Array.from({ length: 120 }, (_, i) => i / 127);
    const path = join(folder, "pieces.npz");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(120), { maxLength: 5 }), async (cuts) => {
        const ends = [...cuts.sort((p, q) => p - q), 120];
        const pieces = ends.map((end, i) => values.subarray(i === 0 ? 0 : ends[i - 1], end));
        await writeChunksAtomic(path, v2ProbabilitiesChunks(shape, pieces));
        expect(await readV2Probabilities(path)).toEqual({ data: values, shape });
      }),
      { seed: 1, numRuns: 20 },
    );
  });

  test("carry their place, for whichever of its readers", async () => {
    const path = join(folder, "made.pkl");
    writeFileSync(path, v2PropertiesPickle(geometry));
    expect(await v2Placement(path)).toEqual(geometry);
  });
});

/** An archive of one `.npy` with this header and so many zero bytes behind it. */
function npz(dictionary: string, bytes: number, member = "probabilities.npy"): Uint8Array {
  const header = Buffer.from(`\x93NUMPY\x01\x00..${dictionary}\n`, "latin1");
  header.writeUInt16LE(header.length - 10, 8);
  return Buffer.concat([...zipChunks([{ name: member, content: Buffer.concat([header, Buffer.alloc(bytes)]) }])]);
}

const floats = (shape: string, type = "<f4") => `{'descr': '${type}', 'fortran_order': False, 'shape': ${shape}, }`;

test.each<[string, () => Uint8Array, string]>([
  ["no archive", () => Buffer.from("probabilities"), "is no whole zip archive"],
  ["cut off", () => readFileSync(a).subarray(0, 900), "is no whole zip archive"],
  ["something else in it", () => npz(floats("(1, 1, 1, 1)"), 4, "softmax.npy"), "holds no probabilities.npy"],
  [
    "no array",
    () => Buffer.concat([...zipChunks([{ name: "probabilities.npy", content: Buffer.from("x") }])]),
    "expected an array of NumPy (.npy)",
  ],
  ["objects, which would be a pickle", () => npz(floats("(1, 1, 1, 1)", "|O"), 4), "expected an array of floats, got"],
  [
    "a header that is a program",
    () => npz("{'descr': __import__('os').system('id')}", 4),
    "expected an array of floats, got",
  ],
  [
    "three axes",
    () => npz(floats("(2, 3, 4)"), 96),
    "expected an array [class or region, z, y, x], got one of [2, 3, 4]",
  ],
  [
    "an empty axis",
    () => npz(floats("(2, 0, 4, 4)"), 0),
    "expected an array [class or region, z, y, x], got one of [2, 0, 4, 4]",
  ],
  [
    "more promised than there is",
    () => npz(floats("(9999999999, 9999, 9999, 9999)"), 4),
    "it is damaged, predict again",
  ],
  ["more there than is promised", () => npz(floats("(1, 1, 1, 1)"), 8), "it is damaged, predict again"],
])("an .npz that is %s is refused in one sentence", async (name, bytes, message) => {
  const path = join(folder, `${name.replaceAll(" ", "_")}.npz`);
  writeFileSync(path, bytes());
  await expect(readV2Probabilities(path)).rejects.toMatchObject({
    code: "INVALID_ARTIFACT",
    message: expect.stringContaining(message),
  });
  await expect(v2ProbabilitiesShape(path)).rejects.toMatchObject({ message: expect.stringContaining(message) });
});

test("logits, and what the checksum does not fit, are refused", async () => {
  const path = join(folder, "wrong.npz");
  await writeChunksAtomic(path, v2ProbabilitiesChunks([1, 1, 1, 2], [Float32Array.of(0.5, -3)]));
  await expect(readV2Probabilities(path)).rejects.toThrow("expected probabilities from 0 to 1, got -3");
  await writeChunksAtomic(path, v2ProbabilitiesChunks([1, 1, 1, 2], [Float32Array.of(0.5, Number.NaN)]));
  await expect(readV2Probabilities(path)).rejects.toThrow("expected probabilities from 0 to 1, got NaN");
  const spoilt = Buffer.from(npz(floats("(1, 1, 1, 2)"), 8));
  spoilt[spoilt.lastIndexOf("PK\x01\x02", undefined, "latin1") - 2]! ^= 1; // in the last value
  writeFileSync(path, spoilt);
  await expect(readV2Probabilities(path)).rejects.toThrow("its checksum is wrong");
});

test("a .pkl that asks for a program runs nothing, and says where a volume lies or is refused", async () => {
  const path = join(folder, "hostile.pkl");
  writeFileSync(path, program("cos\nsystem\n", text("touch /tmp/owned"), "\x85R."));
  await expect(v2Placement(path)).rejects.toThrow(
    "does not say where a volume lies (spacing, origin and direction by SimpleITKIO); put the segmentation of the case beside it, which says it as well",
  );
  const flat = { ...geometry, asRead: { shape: [1, 5, 6], axes: 2 } } as const;
  writeFileSync(path, v2PropertiesPickle(flat));
  await expect(v2Placement(path)).rejects.toThrow("does not say where a volume lies");
});
