import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, jest, test } from "@jest/globals";
import type { PreprocessedCase, RandomGenerator } from "@nnunet/core";
import { openPreprocessedCase, preprocessCase, writePreprocessedCase } from "@nnunet/preprocess";
import { fuzz, fuzzTimeout, mutate } from "../../core/tests/mutants.ts";
import { textChecksum } from "../src/checksum.ts";
import { dataset, makeCase, makePlans } from "./make-case.ts";

jest.setTimeout(fuzzTimeout);

const good: PreprocessedCase = preprocessCase(makeCase([6, 7, 8], [1, 1, 1]), makePlans(), "test", dataset);
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "preprocess-fuzz-"));
  await writePreprocessedCase(folder, good, "hash");
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Reads the whole case; what can be read is the case that was written, voxel for voxel. */
async function readAll() {
  const { shape, properties, readPatch } = await openPreprocessedCase(folder, "case_1");
  const { data, seg } = await readPatch([0, 0, 0], [shape[1], shape[2], shape[3]]);
  expect(Buffer.from(data.buffer).equals(Buffer.from(good.data.buffer))).toBe(true);
  expect(Buffer.from(seg.buffer).equals(Buffer.from(good.seg!.buffer))).toBe(true);
  return properties;
}

async function fuzzFile(
  name: string,
  seed: number,
  count: number,
  change: (bytes: Uint8Array, random: RandomGenerator) => Uint8Array,
) {
  const path = join(folder, "case_1.zarr", name);
  const original = await readFile(path);
  const read = await fuzz(
    seed,
    count,
    (random) => change(original, random),
    async (bytes) => {
      await writeFile(path, bytes);
      await readAll();
    },
  );
  await writeFile(path, original);
  return read;
}

test.each([
  "data/c/0/0/0/0",
  "seg/c/0/0/0/0",
  "class_locations/c/0",
  "data/zarr.json",
  "seg/zarr.json",
  "class_locations/zarr.json",
  "zarr.json",
])("mutants of %s are refused, or the case is read as it was written", async (name) => {
  await fuzzFile(name, name.length, 120, (bytes, random) => mutate(bytes, random, 1000));
  expect(await readAll()).toEqual(good.properties);
});

test("mutants of the attributes whose checksum is right are refused, or are a case", async () => {
  const strange = [null, -1, 0, 0.5, 2 ** 31, 1e300, "", "x", true, [], {}, [1, 2], [[1, 2]], "__proto__"];
  await fuzzFile("zarr.json", 7, 500, (bytes, random) => {
    const group = JSON.parse(Buffer.from(bytes).toString());
    const { checksum: _, ...attributes } = group.attributes;
    for (let n = random.integer(1, 3); n > 0; n--) {
      let at = attributes;
      for (;;) {
        const keys = Object.keys(at);
        const key = keys[random.integer(0, keys.length)]!;
        const next = at[key];
        if (typeof next === "object" && next !== null && Object.keys(next).length > 0 && random.uniform() < 0.7)
          at = next;
        else {
          if (random.uniform() < 0.2) delete at[key];
          else at[key] = strange[random.integer(0, strange.length)];
          break;
        }
      }
      if (Object.keys(attributes).length === 0) break;
    }
    const checksum = textChecksum(JSON.stringify(attributes));
    return Buffer.from(JSON.stringify({ ...group, attributes: { ...attributes, checksum } }));
  });
});
