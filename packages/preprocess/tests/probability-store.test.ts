import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { axisAlignedGeometry, createRandom, type Shape3 } from "@nnunet/core";
import { openProbabilities, storedProbabilitiesHash, writeProbabilities } from "@nnunet/preprocess";
import * as zarr from "zarrita";
import { zarrFolder } from "./zarr-folder.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "probabilities-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const geometry = { ...axisAlignedGeometry([3, 1.5, 1]), origin: [4, -5, 6] as const };

/** Of two classes: a ball in the middle whose edge is some voxels wide, as a network says it. */
function ball([depth, height, width]: Shape3, sharpness = 2): Float32Array[] {
  const random = createRandom(3, "ball");
  const inside = new Float32Array(depth * height * width);
  let i = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const distance =
          Math.sqrt((z - depth / 2) ** 2 + (y - height / 2) ** 2 + (x - width / 2) ** 2) -
          Math.min(depth, height, width) / 3;
        inside[i] = 1 / (1 + Math.exp(sharpness * distance + random.normal()));
      }
    }
  }
  return [inside.map((p) => 1 - p), inside];
}

const store = (id: string, shape: Shape3, channels: readonly Float32Array[], into = folder) =>
  writeProbabilities(into, id, { shape: [channels.length, ...shape], geometry, contentHash: "abc" }, async (write) => {
    const buffer = new Float32Array(channels[0]!.length); // the same for every channel
    for (const channel of channels) {
      buffer.set(channel);
      await write(buffer);
    }
  });

async function readAll(id: string): Promise<Float32Array[]> {
  const reader = await openProbabilities(folder, id);
  const [channels, depth, height, width] = reader.shape;
  const out = Array.from({ length: channels }, () => new Float32Array(depth * height * width));
  for (const [c, channel] of out.entries()) {
    for (const [number, { start, size }] of reader.blocks.entries()) {
      const block = await reader.readBlock(c, number);
      for (let z = 0, i = 0; z < size[0]; z++) {
        for (let y = 0; y < size[1]; y++, i += size[2]) {
          const at = ((start[0] + z) * height + start[1] + y) * width + start[2];
          channel.set(block.subarray(i, i + size[2]), at);
        }
      }
    }
  }
  return out;
}

describe("stored probabilities", () => {
  test("come back with their place: bit by bit from 2⁻¹⁰ on, below within half of 2⁻²⁴", async () => {
    const shape: Shape3 = [9, 70, 130]; // blocks of 9×35×44, cut at the end of an axis
    const channels = ball(shape);
    await store("a", shape, channels);
    const reader = await openProbabilities(folder, "a");
    expect(reader).toMatchObject({ shape: [2, ...shape], geometry, contentHash: "abc" });
    let tails = 0;
    const back = await readAll("a");
    for (const [c, channel] of channels.entries()) {
      let furthest = 0;
      for (const [i, value] of channel.entries()) {
        if (value >= 2 ** -10) {
          if (back[c]![i] !== value) throw new Error(`${value} became ${back[c]![i]}`);
        } else {
          tails++;
          furthest = Math.max(furthest, Math.abs(back[c]![i]! - value));
        }
      }
      expect(furthest).toBeLessThanOrEqual(2 ** -25);
    }
    expect(tails).toBeGreaterThan(10_000);
  });

  test("are small: blocks of zeros are not stored, a confident voxel takes less than a byte per class", async () => {
    const shape: Shape3 = [32, 96, 96];
    const channels = ball(shape, 4);
    const nowhere = new Float32Array(channels[0]!.length);
    await store("small", shape, [...channels, nowhere, nowhere, nowhere]);
    const { size } = await stat(join(folder, "small.zarr/probabilities/c/0/0/0/0"));
    const asFloat32 = 5 * 4 * nowhere.length;
    expect(size).toBeLessThan(asFloat32 / 25);
    expect((await readAll("small"))[4]!.every((value) => value === 0)).toBe(true);
  });

  test("are a Zarr array that another reader opens", async () => {
    const shape: Shape3 = [5, 66, 6];
    const channels = ball(shape);
    await store("z", shape, channels);
    const group = await zarr.open.v3(zarrFolder(join(folder, "z.zarr")), { kind: "group" });
    const array = await zarr.open.v3(group.resolve("probabilities"), { kind: "array" });
    const { data, shape: found } = await zarr.get(array);
    expect(found).toEqual([2, ...shape]);
    const ours = await readAll("z");
    expect(Array.from(data as Float32Array)).toEqual([...ours[0]!, ...ours[1]!]);
  });

  test("are replaced as a whole, and a write that fails leaves the earlier ones and nothing else", async () => {
    const shape: Shape3 = [4, 5, 6];
    const [outside, inside] = ball(shape) as [Float32Array, Float32Array];
    await store("r", shape, [outside, inside]);
    const before = await readAll("r");
    const broken = inside.slice();
    broken[7] = Number.NaN;
    await expect(store("r", shape, [outside, broken])).rejects.toThrow(
      "probabilities: expected numbers from 0 to 1, got NaN",
    );
    await expect(
      writeProbabilities(folder, "r", { shape: [2, ...shape], geometry, contentHash: "x" }, (write) => write(outside)),
    ).rejects.toThrow("probabilities: expected shape [2,4,5,6], got [1,4,5,6]");
    await expect(
      writeProbabilities(folder, "r", { shape: [1, ...shape], geometry, contentHash: "x" }, async (write) => {
        await write(outside);
        await write(inside);
      }),
    ).rejects.toThrow("one channel after the other");
    expect(await readAll("r")).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.startsWith("r."))).toEqual(["r.zarr"]);
    await store("r", shape, [inside, outside]);
    expect(await readAll("r")).toEqual([before[1], before[0]]);
  });

  test("one flipped bit, a missing end or another format is refused by a sentence, and the hash is undefined", async () => {
    const shape: Shape3 = [4, 5, 6];
    const into = join(folder, "damaged");
    const array = join(into, "d.zarr/probabilities/c/0/0/0/0");
    const fresh = () => store("d", shape, ball(shape), into);
    await fresh();
    expect(await storedProbabilitiesHash(into, "d")).toBe("abc");
    const whole = await readFile(array);
    for (let at = 0; at < whole.length; at += at < whole.length - 60 ? 11 : 1) {
      const flipped = Uint8Array.from(whole);
      flipped[at]! ^= 1 << (at % 8);
      await writeFile(array, flipped);
      const read = async () => {
        const reader = await openProbabilities(into, "d");
        for (const channel of [0, 1]) await reader.readBlock(channel, 0);
      };
      await expect(read()).rejects.toThrow(/is not what was written \(the checksum differs\).*predict this case again/);
    }
    await fresh();
    await truncate(array, 20);
    await expect(openProbabilities(into, "d")).rejects.toThrow(`${array}: ends too early; predict this case again`);
    expect(await storedProbabilitiesHash(into, "d")).toBeUndefined();
    await fresh();
    const group = join(into, "d.zarr/zarr.json");
    await writeFile(group, (await readFile(group, "utf8")).replace("probabilities 1", "probabilities 0"));
    await expect(openProbabilities(into, "d")).rejects.toThrow('expected "nnunet-ts probabilities 1"');
    await writeFile(
      group,
      (await readFile(group, "utf8")).replace("probabilities 0", "probabilities 1").replace("abc", "abd"),
    );
    await expect(openProbabilities(into, "d")).rejects.toThrow("is not that of the attributes");
    expect(await storedProbabilitiesHash(into, "none")).toBeUndefined();
  });

  test("a folder that takes no file is an error, and the predictor is not asked", async () => {
    const file = join(folder, "file");
    await mkdir(folder, { recursive: true });
    await writeFile(file, "");
    let asked = false;
    const header = { shape: [1, 1, 1, 1] as const, geometry, contentHash: "" };
    const writing = writeProbabilities(join(file, "x"), "a", header, async () => {
      asked = true;
    });
    await expect(writing).rejects.toThrow("a part of the path is a file, not a folder");
    expect(asked).toBe(false);
  });
});
