import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { isNnunetError, type PreprocessedCase, type Shape3 } from "@nnunet/core";
import {
  caseInMemory,
  hashFiles,
  openPreprocessedCase,
  preprocessCase,
  preprocessedHash,
  readPreprocessedCase,
  storedHash,
  writePreprocessedCase,
} from "@nnunet/preprocess";
import fc from "fast-check";
import * as zarr from "zarrita";
import { readFile } from "node:fs/promises";
import { dataset, makeCase, makePlans } from "./make-case.ts";
import { zarrFolder } from "./zarr-folder.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "preprocess-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const small = preprocessCase(
  makeCase([10, 12, 14], [1, 1, 1], { channels: 2 }),
  makePlans({ normalizationSchemes: ["ZScore", "ZScore"], useMaskForNorm: [true, false] }),
  "test",
  dataset,
);

/** Larger than one chunk on two axes, every voxel its own number. */
function numbered(shape: Shape3, channels = 2): PreprocessedCase {
  const n = shape[0] * shape[1] * shape[2];
  return {
    data: Float32Array.from({ length: channels * n }, (_, i) => i),
    seg: Int16Array.from({ length: n }, (_, i) => (i % 5) - 1),
    shape: [channels, ...shape],
    properties: { ...small.properties, id: "numbered" },
  };
}

/** Equality of bytes; jest's own takes seconds on arrays of this size. */
const same = (a: ArrayBufferView, b: ArrayBufferView) =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

describe("the store", () => {
  test("gives back what was written", async () => {
    await writePreprocessedCase(folder, small, "abc");
    const stored = await openPreprocessedCase(folder, "case_1");
    expect(stored.contentHash).toBe("abc");
    expect(stored.shape).toEqual(small.shape);
    expect(stored.properties).toEqual(small.properties);
    expect(await readPreprocessedCase(folder, "case_1")).toEqual(small);
    expect(await storedHash(folder, "case_1")).toBe("abc");
    expect(await storedHash(folder, "other")).toBeUndefined();
  });

  test("any patch from the store equals the patch from memory", async () => {
    const large = numbered([7, 70, 130]);
    await writePreprocessedCase(folder, large, "1");
    const stored = await openPreprocessedCase(folder, "numbered");
    const cached = await openPreprocessedCase(folder, "numbered", { inMemory: true });
    const memory = caseInMemory(large);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(), { minLength: 6, maxLength: 6 }), async (r) => {
        const start = [r[0]! % 7, r[1]! % 70, r[2]! % 130] as const;
        const size = [
          1 + (r[3]! % (7 - start[0])),
          1 + (r[4]! % (70 - start[1])),
          1 + (r[5]! % (130 - start[2])),
        ] as const;
        const expected = await memory.readPatch(start, size);
        for (const reader of [stored, cached]) {
          const patch = await reader.readPatch(start, size);
          expect(same(patch.data, expected.data) && same(patch.seg, expected.seg)).toBe(true);
        }
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  test("is Zarr version 3: zarrita reads the same voxels", async () => {
    const large = numbered([7, 70, 130]);
    await writePreprocessedCase(folder, large, "1");
    const group = await zarr.open.v3(zarrFolder(join(folder, "numbered.zarr")), { kind: "group" });
    const data = await zarr.open.v3(group.resolve("data"), { kind: "array" });
    const seg = await zarr.open.v3(group.resolve("seg"), { kind: "array" });
    expect(same((await zarr.get(data)).data as Float32Array, large.data)).toBe(true);
    expect(same((await zarr.get(seg)).data as Int16Array, large.seg!)).toBe(true);
    const locations = await zarr.open.v3(group.resolve("class_locations"), { kind: "array" });
    expect((await zarr.get(locations)).data).toEqual(
      Int32Array.from(Object.values(large.properties.classLocations).flatMap((v) => [...v])),
    );
  });

  test("replaces a case, and removes what a killed run left", async () => {
    const own = join(folder, "again");
    await mkdir(join(own, "case_1.zarr.99-aaaa.tmp/data"), { recursive: true });
    await writePreprocessedCase(own, small, "first");
    await writePreprocessedCase(own, { ...small, data: small.data.map((v) => v + 1) }, "second");
    expect(await storedHash(own, "case_1")).toBe("second");
    expect((await readPreprocessedCase(own, "case_1")).data[0]).toBe(small.data[0]! + 1);
    expect(await readdir(own)).toEqual(["case_1.zarr"]);
  });

  test("at every moment of writing, what bears the name of a case is a whole case", async () => {
    // A kill freezes the folder as it is at some moment, so looking at it all the time shows what a kill can leave.
    const own = join(folder, "moments");
    const large = numbered([20, 70, 130]);
    await writePreprocessedCase(own, large, "old");
    let writing = true;
    const written = writePreprocessedCase(own, large, "new").finally(() => {
      writing = false;
    });
    const seen = new Set<string>();
    while (writing) {
      const names = await readdir(own);
      const complete = names.includes("numbered.zarr")
        ? await readPreprocessedCase(own, "numbered").catch(() => undefined)
        : undefined;
      // Between looking and reading the case may have stepped aside for the new one.
      if (complete) expect(same(complete.data, large.data) && same(complete.seg!, large.seg!)).toBe(true);
      const hash = await storedHash(own, "numbered");
      expect([undefined, "old", "new"]).toContain(hash);
      seen.add(`${hash}`);
    }
    await written;
    expect(seen.has("old")).toBe(true);
    expect(await storedHash(own, "numbered")).toBe("new");
    expect(await readdir(own)).toEqual(["numbered.zarr"]);
  });

  test("a case without labels has no segmentation to read", async () => {
    const { seg: _, ...bare } = small;
    await writePreprocessedCase(folder, { ...bare, properties: { ...small.properties, id: "bare" } }, "1");
    expect((await readPreprocessedCase(folder, "bare")).seg).toBeUndefined();
    await expect((await openPreprocessedCase(folder, "bare")).readPatch([0, 0, 0], [1, 1, 1])).rejects.toThrow(
      'case bare: expected a case with labels; it was preprocessed without a label file, got "no labels"',
    );
  });

  test("a flipped bit in any voxel, class location or attribute is refused by whatever reads it, also by a part", async () => {
    const own = join(folder, "flipped");
    const large = numbered([7, 70, 130], 1);
    const located = { ...large.properties, classLocations: { "1": Int32Array.of(3, 5, 9) } };
    await writePreprocessedCase(own, { ...large, properties: located }, "1");
    const root = join(own, "numbered.zarr");
    const flipped = async (name: string, at: number, work: () => Promise<void>) => {
      const bytes = await readFile(join(root, name));
      const index = at < 0 ? bytes.length + at : at;
      const other = Buffer.from(bytes);
      other[index]! ^= 16;
      await writeFile(join(root, name), other);
      await work();
      await writeFile(join(root, name), bytes);
    };
    const openedBefore = await openPreprocessedCase(own, "numbered");
    const damage =
      "is not what was written (the checksum differs): the disk or a transfer damaged it; preprocess this case again";
    await flipped("data/c/0/0/0/0", 5, async () => {
      await expect(openedBefore.readPatch([0, 0, 0], [1, 1, 1])).rejects.toThrow(
        `${join(root, "data/c/0/0/0/0")}: plane 0 of its blocks ${damage}`,
      );
      await openedBefore.readPatch([1, 0, 0], [1, 1, 1]); // another plane is what it was
      await expect(readPreprocessedCase(own, "numbered")).rejects.toThrow(damage);
      await expect(openPreprocessedCase(own, "numbered", { inMemory: true })).rejects.toThrow(damage);
      expect(await storedHash(own, "numbered")).toBe("1"); // looks at the header alone
      expect(await storedHash(own, "numbered", { everyVoxel: true })).toBeUndefined();
    });
    await flipped("seg/c/0/0/0/0", 1000, async () => {
      await expect(openedBefore.readPatch([0, 0, 0], [7, 70, 130])).rejects.toThrow(damage);
    });
    await flipped("class_locations/c/0", 4, async () => {
      await expect(openPreprocessedCase(own, "numbered")).rejects.toThrow(
        `${join(root, "class_locations/c/0")}: its content ${damage}`,
      );
    });
    for (const name of ["zarr.json", "data/zarr.json", "seg/zarr.json", "class_locations/zarr.json"]) {
      const text = await readFile(join(root, name), "utf8");
      for (const [digit] of [...text.matchAll(/\d/g)].map((match) => [match.index])) {
        await flipped(name, digit!, async () => {
          await expect(openPreprocessedCase(own, "numbered")).rejects.toThrow(join(root, name.split("/")[0]!));
        });
      }
    }
    expect(await storedHash(own, "numbered", { everyVoxel: true })).toBe("1");
  });

  test("a case of the format without checksums is refused, so that preprocessing makes it anew", async () => {
    const own = join(folder, "older");
    await writePreprocessedCase(own, small, "1");
    const file = join(own, "case_1.zarr/zarr.json");
    const group = JSON.parse(await readFile(file, "utf8"));
    await writeFile(
      file,
      JSON.stringify({ ...group, attributes: { ...group.attributes, format: "nnunet-ts preprocessed case 1" } }),
    );
    await expect(openPreprocessedCase(own, "case_1")).rejects.toThrow(
      `${file} → attributes.format: expected "nnunet-ts preprocessed case 2"; preprocess this case again`,
    );
    expect(await storedHash(own, "case_1", { everyVoxel: true })).toBeUndefined();
  });

  test("a cut, a missing and a case of another format are refused by file, and count as none where the hash is asked for", async () => {
    const own = join(folder, "damaged");
    await writePreprocessedCase(own, small, "1");
    const file = join(own, "case_1.zarr/data/c/0/0/0/0");
    await truncate(file, 1000);
    // two channels of planes, each with its checksum and its entry of the index, which has a checksum, too
    const bytes = small.data.length * 4 + 2 * small.shape[1] * (4 + 16) + 4;
    await expect(openPreprocessedCase(own, "case_1")).rejects.toThrow(
      `${file}: expected ${bytes} bytes, found 1000; preprocess this case again`,
    );
    expect(await storedHash(own, "case_1")).toBeUndefined();
    await expect(openPreprocessedCase(own, "none")).rejects.toThrow(
      `${join(own, "none.zarr/zarr.json")}: could not be read: no such file or folder`,
    );
    await writeFile(join(own, "case_1.zarr/zarr.json"), '{"attributes":{"format":"old"}}');
    await expect(openPreprocessedCase(own, "case_1")).rejects.toThrow(
      'expected "nnunet-ts preprocessed case 2"; preprocess this case again',
    );
    await expect(caseInMemory(small).readPatch([0, 0, 0], [99, 1, 1])).rejects.toThrow(
      `patch of case case_1: expected a non-empty box inside [${small.shape.slice(1)}], got [[0, 0, 0], [99, 1, 1]]`,
    );
    await writeFile(join(own, "file"), "");
    const blocked = await writePreprocessedCase(join(own, "file"), small, "1").catch((e: unknown) => e);
    expect(isNnunetError(blocked, "FILE")).toBe(true);
  });
});

describe("the content hash", () => {
  const hash = (...how: Parameters<typeof makePlans>) => preprocessedHash("bytes", makePlans(...how), "test");
  test("changes with what preprocessing reads, and with nothing else", () => {
    const base = hash();
    expect(base).toMatch(/^[0-9a-f]{64}$/);
    expect(hash({ batchSize: 7, patchSize: [1, 2, 3], augmentation: "v2" })).toBe(base);
    expect(hash({ spacing: [1, 1, 1.1] })).not.toBe(base);
    expect(hash({ normalizeBeforeResampling: false })).not.toBe(base);
    expect(hash({ normalizationSchemes: ["CT"] })).not.toBe(base);
    expect(hash({ useMaskForNorm: [true] })).not.toBe(base);
    expect(hash({}, [1, 0, 2])).not.toBe(base);
    expect(preprocessedHash("others", makePlans(), "test")).not.toBe(base);
  });
  test("of files: their bytes and order, not their names", async () => {
    const [a, b, c] = ["a", "b", "c"].map((n) => join(folder, n)) as [string, string, string];
    await writeFile(a, "one");
    await writeFile(b, "two");
    await writeFile(c, "one");
    expect(await hashFiles([a, b])).toBe(await hashFiles([c, b]));
    expect(await hashFiles([a, b])).not.toBe(await hashFiles([b, a]));
    await expect(hashFiles([join(folder, "missing")])).rejects.toThrow(
      `${join(folder, "missing")}: could not be read: no such file or folder`,
    );
  });
});
