import { mkdir, open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual, promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import {
  elementCount,
  type Geometry,
  InvalidArtifactError,
  isJsonObject,
  ShapeMismatchError,
  show,
  type VolumeShape,
} from "@nnunet/core";
import { describeFileError, exists, readJson } from "@nnunet/core/node";
import { isGeometry, isVolumeShape } from "./case-header.ts";
import { isIntact, textChecksum, withChecksum } from "./checksum.ts";
import { chunksOf } from "./chunk-grid.ts";
import { hashFiles } from "./content-hash.ts";
import { type Box, blocksOf, probabilityGrid } from "./probability-grid.ts";
import { roundProbabilities } from "./round-probabilities.ts";
import { storePath, writeStore } from "./store-folder.ts";
import { compressedMetadata, GZIP_LEVEL, groupMetadata } from "./zarr-metadata.ts";

/*
 * The probabilities of one case are the Zarr group `<folder>/<id>.zarr` with one array, `probabilities` [class or region,
 * z, y, x] float32 on the grid of the image, in one shard of compressed blocks of at most 64³. A block of zeros is not
 * stored.
 */
const FORMAT = "nnunet-ts probabilities 1";
const ARRAY = "probabilities/c/0/0/0/0";
/** Offset and length of a block that is not stored, as Zarr has it. */
const ABSENT = 2n ** 64n - 1n;
/** Blocks compressed at a time; Node's thread pool has four threads. */
const CONCURRENT_BLOCKS = 4;

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** What is to be known of stored probabilities before they are read. */
export interface ProbabilityHeader {
  /** [class or region, z, y, x] */
  readonly shape: VolumeShape;
  /** Of the image. */
  readonly geometry: Geometry;
  /** Of what they were made from. */
  readonly contentHash: string;
}

/** Probabilities that are read block by block, so that those of several models never lie in memory. */
export interface ProbabilityReader extends ProbabilityHeader {
  /** The same for every case of this shape. */
  readonly blocks: readonly Box[];
  /** @returns [z, y, x] of the block */
  readBlock(channel: number, block: number): Promise<Float32Array>;
}

/**
 * Stores the probabilities of a case as `<folder>/<id>.zarr`, replacing those that are there. They are given channel by
 * channel, so that they never lie in memory as a whole, and lose digits that cannot matter ({@link roundProbabilities}).
 *
 * @param work - is given what takes the next channel, [z, y, x]; the array may be used again afterwards
 * @returns what `work` returns
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 * @throws {InvalidArgumentError} if a value is no probability
 * @throws {ShapeMismatchError} if there are too few or too many channels, or one is of another size
 * @example
 * await writeProbabilities(folder, "liver_3", { shape: [2, 40, 56, 40], geometry, contentHash }, async (write) => {
 *   await write(background);
 *   await write(liver);
 * });
 */
export async function writeProbabilities<T>(
  folder: string,
  id: string,
  { shape, geometry, contentHash }: ProbabilityHeader,
  work: (write: (channel: Float32Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const grid = probabilityGrid(shape);
  const voxels = elementCount(grid.shape);
  const index: bigint[] = [];
  let written = 0;
  let at = 0n;
  return writeStore(folder, id, async (temporary) => {
    await mkdir(join(temporary, "probabilities/c/0/0/0"), { recursive: true });
    await writeFile(join(temporary, "probabilities/zarr.json"), JSON.stringify(compressedMetadata(grid, "float32")));
    const handle = await open(join(temporary, ARRAY), "wx");
    const append = async (sealed: Uint8Array | undefined) => {
      if (sealed) await handle.writeFile(sealed);
      index.push(...(sealed ? [at, BigInt(sealed.length)] : [ABSENT, ABSENT]));
      at += BigInt(sealed?.length ?? 0);
    };
    try {
      const result = await work(async (channel) => {
        if (channel.length !== voxels || written === shape[0]) {
          throw new ShapeMismatchError(
            "probabilities",
            shape,
            [written + 1, channel.length],
            "one channel after the other",
          );
        }
        let blocks: Promise<Uint8Array | undefined>[] = [];
        for (const block of chunksOf(channel, { ...grid, channels: 1 }, 0)) {
          blocks.push(sealBlock(block.slice()));
          if (blocks.length < CONCURRENT_BLOCKS) continue;
          for (const sealed of await Promise.all(blocks)) await append(sealed);
          blocks = [];
        }
        for (const sealed of await Promise.all(blocks)) await append(sealed);
        written++;
      });
      if (written < shape[0]) throw new ShapeMismatchError("probabilities", shape, [written, ...grid.shape]);
      await handle.writeFile(withChecksum(new Uint8Array(BigUint64Array.from(index).buffer)));
      await handle.datasync();
      const attributes = { format: FORMAT, shape, geometry, contentHash };
      const checksum = textChecksum(JSON.stringify(attributes));
      const group = groupMetadata({ ...attributes, checksum });
      await writeFile(join(temporary, "zarr.json"), `${JSON.stringify(group, null, 1)}\n`);
      return result;
    } finally {
      await handle.close();
    }
  });
}

/** A compressed block and its checksum; undefined for one of zeros. */
async function sealBlock(block: Float32Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
  roundProbabilities(block);
  if (isZero(block)) return undefined;
  return withChecksum(await compress(new Uint8Array(block.buffer), { level: GZIP_LEVEL }));
}

function isZero(block: Float32Array): boolean {
  for (let i = 0; i < block.length; i++) if (block[i] !== 0) return false;
  return true;
}

/**
 * Opens stored probabilities for reading block by block.
 *
 * @throws {FileError} if there are none of this case
 * @throws {InvalidArtifactError} if they are damaged or of another format; every block is checked when it is read
 * @example const [first] = (await openProbabilities(folder, "liver_3")).blocks;
 */
export async function openProbabilities(folder: string, id: string): Promise<ProbabilityReader> {
  const path = storePath(folder, id);
  const header = await readHeader(join(path, "zarr.json"));
  const grid = probabilityGrid(header.shape);
  const described = join(path, "probabilities/zarr.json");
  if (!isDeepStrictEqual(await readJson(described), compressedMetadata(grid, "float32"))) {
    throw new InvalidArtifactError(described, "", `does not describe probabilities of the case's shape; ${remedy}`);
  }
  const file = join(path, ARRAY);
  const blocks = blocksOf(grid);
  const index = await readIndex(file, header.shape[0] * blocks.length);
  return {
    ...header,
    blocks,
    async readBlock(channel, number) {
      const { size } = blocks[number]!;
      const out = new Float32Array(elementCount(size));
      const [offset, length] = index(channel * blocks.length + number);
      if (offset === ABSENT) return out;
      const chunk = await readBlock(file, Number(offset), Number(length), grid.chunkVoxels * 4);
      for (let z = 0, to = 0; z < size[0]; z++) {
        for (let y = 0; y < size[1]; y++, to += size[2]) {
          const from = (z * grid.chunk[1] + y) * grid.chunk[2];
          out.set(chunk.subarray(from, from + size[2]), to);
        }
      }
      return out;
    },
  };
}

/** The content hash of stored probabilities; undefined if there are none that can be used. Voxels are not looked at. */
export async function storedProbabilitiesHash(folder: string, id: string): Promise<string | undefined> {
  if (!(await exists(storePath(folder, id)))) return undefined;
  return openProbabilities(folder, id).then(
    ({ contentHash }) => contentHash,
    () => undefined,
  );
}

/**
 * SHA-256 of stored probabilities by all of their bytes: what another tool has changed since differs in it, whatever it says
 * of where it is from.
 *
 * @throws {FileError} if there are none of this case
 */
export async function probabilitiesSha256(folder: string, id: string): Promise<string> {
  const path = storePath(folder, id);
  return hashFiles(["zarr.json", "probabilities/zarr.json", ARRAY].map((name) => join(path, name)));
}

const remedy = "predict this case again";

async function readHeader(file: string): Promise<ProbabilityHeader> {
  const json = await readJson(file);
  const fail = (field: string, problem: string): never => {
    throw new InvalidArtifactError(file, `attributes.${field}`, `${problem}; ${remedy}`);
  };
  const attributes = isJsonObject(json) ? json["attributes"] : undefined;
  if (!isJsonObject(attributes) || attributes["format"] !== FORMAT) return fail("format", `expected "${FORMAT}"`);
  const { checksum, ...rest } = attributes;
  if (checksum !== textChecksum(JSON.stringify(rest))) fail("checksum", "is not that of the attributes");
  const { shape, geometry, contentHash } = rest;
  if (!isVolumeShape(shape)) return fail("shape", `expected the sizes of channels, z, y, x, got ${show(shape)}`);
  if (!isGeometry(geometry)) return fail("geometry", "does not say where the image lies");
  if (typeof contentHash !== "string") return fail("contentHash", `expected a text, got ${show(contentHash)}`);
  return { shape, geometry, contentHash };
}

/** The index at the end of the shard: offset and length of each block, all of them inside the file. */
async function readIndex(file: string, blocks: number): Promise<(block: number) => readonly [bigint, bigint]> {
  const bytes = blocks * 16 + 4;
  const { size } = await stat(file).catch((error: unknown) => {
    throw describeFileError(file, "could not be read", error);
  });
  if (size < bytes) throw new InvalidArtifactError(file, "", `ends too early; ${remedy}`);
  const sealed = await readBytes(file, size - bytes, bytes);
  if (!isIntact(sealed)) throw changed(file, "its index");
  const view = new DataView(sealed.buffer, sealed.byteOffset);
  const entry = (block: number) =>
    [view.getBigUint64(block * 16, true), view.getBigUint64(block * 16 + 8, true)] as const;
  for (let block = 0; block < blocks; block++) {
    const [offset, length] = entry(block);
    if (offset !== ABSENT && offset + length > BigInt(size - bytes)) throw changed(file, "its index");
  }
  return entry;
}

async function readBlock(file: string, offset: number, length: number, bytes: number): Promise<Float32Array> {
  const sealed = await readBytes(file, offset, length);
  if (!isIntact(sealed)) throw changed(file, "one of its blocks");
  const whole = await decompress(sealed.subarray(0, -4), { maxOutputLength: bytes }).catch(() => {
    throw changed(file, "one of its blocks");
  });
  if (whole.length !== bytes) throw changed(file, "one of its blocks");
  const values = new Float32Array(bytes / 4);
  new Uint8Array(values.buffer).set(whole);
  return values;
}

async function readBytes(file: string, offset: number, length: number): Promise<Uint8Array> {
  try {
    const handle = await open(file, "r");
    try {
      const bytes = new Uint8Array(length);
      let done = 0;
      while (done < length) {
        const { bytesRead } = await handle.read(bytes, done, length - done, offset + done);
        if (bytesRead === 0) throw new InvalidArtifactError(file, "", `ends too early; ${remedy}`);
        done += bytesRead;
      }
      return bytes;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw describeFileError(file, "could not be read", error);
  }
}

function changed(file: string, what: string): Error {
  const problem = `${what} is not what was written (the checksum differs): the disk or a transfer damaged it`;
  return new InvalidArtifactError(file, "", `${problem}; ${remedy}`);
}
