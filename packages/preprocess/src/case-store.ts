import { mkdir, open, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  InvalidArtifactError,
  type PreprocessedCase,
  type PreprocessedCaseReader,
  type PreprocessedProperties,
  type Shape3,
  type VolumeShape,
} from "@nnunet/core";
import { describeFileError, readJson, readRegularFile } from "@nnunet/core/node";
import { caseInMemory, checkPatch } from "./case-in-memory.ts";
import { type CaseHeader, headerFromJson, headerToJson } from "./case-header.ts";
import { isIntact, withChecksum, writeChecksum } from "./checksum.ts";
import { type ChunkGrid, chunkGrid, chunksOf, gatherBox, type ReadPlanes, storedPlane } from "./chunk-grid.ts";
import { storePath, writeStore } from "./store-folder.ts";
import { groupMetadata, listMetadata, planeCount, shardBytes, shardedMetadata, shardIndex } from "./zarr-metadata.ts";

/*
 * One case is the Zarr group `<folder>/<id>.zarr`: arrays `data` [c, z, y, x] float32, `seg` [1, z, y, x] int16 and
 * `class_locations` (int32, all classes one after another); properties and content hash are attributes of the group.
 */
const DATA = "data/c/0/0/0/0";
const SEG = "seg/c/0/0/0/0";
const LOCATIONS = "class_locations/c/0";

/** A stored case: patches, properties, and the hash of what it was made from. */
export type StoredCase = PreprocessedCaseReader & {
  readonly properties: PreprocessedProperties;
  readonly contentHash: string;
};

/**
 * Stores a preprocessed case as `<folder>/<id>.zarr`, replacing one that is there.
 *
 * It is written under a temporary name and renamed when complete: a kill at any moment leaves the old case, none, or
 * the new one, never a part that looks finished. Leftovers of a killed run are removed by the next write of that case.
 *
 * @param folder - made if missing
 * @param contentHash - from `preprocessedHash`; `storedHash` gives it back
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 */
export async function writePreprocessedCase(
  folder: string,
  preprocessed: PreprocessedCase,
  contentHash: string,
): Promise<void> {
  const { properties, shape, data, seg } = preprocessed;
  await writeStore(folder, properties.id, async (temporary) => {
    const spatial: Shape3 = [shape[1], shape[2], shape[3]];
    const { classLocations, ...plain } = properties;
    const keys = Object.keys(classLocations);
    const locations = new Int32Array(keys.reduce((n, key) => n + classLocations[key]!.length, 0));
    let first = 0;
    for (const key of keys) {
      locations.set(classLocations[key]!, first);
      first += classLocations[key]!.length;
    }
    await writeShard(join(temporary, "data"), data, chunkGrid(shape[0], spatial), "float32", 0);
    if (seg) await writeShard(join(temporary, "seg"), seg, chunkGrid(1, spatial), "int16", -1);
    await mkdir(join(temporary, "class_locations/c"), { recursive: true });
    await writeFile(join(temporary, "class_locations/zarr.json"), JSON.stringify(listMetadata(locations.length)));
    await writeFile(join(temporary, LOCATIONS), withChecksum(new Uint8Array(locations.buffer)));
    const header = {
      shape,
      labelled: seg !== undefined,
      contentHash,
      classLocations: keys.map((key) => [key, classLocations[key]!.length] as const),
      properties: plain,
    };
    const group = groupMetadata(headerToJson(JSON.parse(JSON.stringify(header))));
    await writeFile(join(temporary, "zarr.json"), `${JSON.stringify(group, null, 1)}\n`);
  });
}

/**
 * Opens a stored case for reading patches; a patch reads only the chunks it touches, of those only the planes z.
 *
 * @param options - `inMemory` reads the whole case once and serves patches from memory
 * @throws {FileError} if there is no such case
 * @throws {InvalidArtifactError} if it is damaged or of another format; preprocess it again
 * @example const { data, seg } = await (await openPreprocessedCase(folder, "liver_3")).readPatch([0, 0, 0], [64, 64, 64]);
 */
export async function openPreprocessedCase(
  folder: string,
  id: string,
  { inMemory = false }: { readonly inMemory?: boolean } = {},
): Promise<StoredCase> {
  const path = storePath(folder, id);
  const { shape, labelled, contentHash, properties } = await readCaseHeader(path);
  const spatial: Shape3 = [shape[1], shape[2], shape[3]];
  const dataGrid = chunkGrid(shape[0], spatial);
  const segGrid = chunkGrid(1, spatial);
  await checkArray(path, DATA, shardedMetadata(dataGrid, "float32", 0), shardBytes(dataGrid, 4));
  if (labelled) await checkArray(path, SEG, shardedMetadata(segGrid, "int16", -1), shardBytes(segGrid, 2));
  const patch = async (start: Shape3, size: Shape3) => {
    const data = new Float32Array(shape[0] * size[0] * size[1] * size[2]);
    const seg = new Int16Array(size[0] * size[1] * size[2]);
    await Promise.all([
      readBox(path, DATA, dataGrid, start, size, data),
      labelled ? readBox(path, SEG, segGrid, start, size, seg) : undefined,
    ]);
    return { data, seg };
  };
  const reader = inMemory
    ? await patch([0, 0, 0], spatial).then(({ data, seg }) =>
        caseInMemory({ data, shape, ...(labelled && { seg }), properties }),
      )
    : {
        id,
        shape,
        classLocations: properties.classLocations,
        async readPatch(start: Shape3, size: Shape3) {
          checkPatch(id, start, size, spatial, labelled);
          return patch(start, size);
        },
      };
  return { ...reader, properties, contentHash };
}

/** The whole stored case in memory. Errors as of {@link openPreprocessedCase}. */
export async function readPreprocessedCase(folder: string, id: string): Promise<PreprocessedCase> {
  const path = storePath(folder, id);
  const { shape, labelled, properties } = await readCaseHeader(path);
  const spatial: Shape3 = [shape[1], shape[2], shape[3]];
  const data = new Float32Array(shape[0] * spatial[0] * spatial[1] * spatial[2]);
  await readBox(path, DATA, chunkGrid(shape[0], spatial), [0, 0, 0], spatial, data);
  if (!labelled) return { data, shape, properties };
  const seg = new Int16Array(spatial[0] * spatial[1] * spatial[2]);
  await readBox(path, SEG, chunkGrid(1, spatial), [0, 0, 0], spatial, seg);
  return { data, shape, seg, properties };
}

/**
 * The content hash of a stored case; undefined if there is none, or none that can be used (another format, damaged or
 * cut files), so that the caller makes it anew.
 *
 * @param options - `everyVoxel` reads the whole case and compares all its checksums; else a damage inside is found when
 *   it is read
 */
export async function storedHash(
  folder: string,
  id: string,
  { everyVoxel = false }: { readonly everyVoxel?: boolean } = {},
): Promise<string | undefined> {
  try {
    const { contentHash, shape } = await openPreprocessedCase(folder, id);
    if (everyVoxel) await checkEveryPlane(storePath(folder, id), shape);
    return contentHash;
  } catch {
    return undefined;
  }
}

async function readCaseHeader(
  path: string,
): Promise<Omit<CaseHeader, "classLocations" | "properties"> & { readonly properties: PreprocessedProperties }> {
  const file = join(path, "zarr.json");
  const { classLocations: lengths, properties, ...header } = headerFromJson(await readJson(file), file);
  const listed = join(path, LOCATIONS);
  const total = lengths.reduce((n, [, length]) => n + length, 0);
  await checkArray(path, LOCATIONS, listMetadata(total), 4 * total + 4);
  const bytes = await readRegularFile(listed);
  if (!isIntact(bytes)) throw changed(listed);
  const locations = new Int32Array(total);
  new Uint8Array(locations.buffer).set(bytes.subarray(0, -4));
  const [, depth, height, width] = header.shape;
  const beyond = locations.find((voxel) => !(voxel >= 0 && voxel < depth * height * width));
  if (beyond !== undefined) {
    throw new InvalidArtifactError(listed, "", `has voxel ${beyond}, outside of the case; preprocess this case again`);
  }
  const classLocations: Record<string, Int32Array> = {};
  let first = 0;
  for (const [key, length] of lengths) {
    classLocations[key] = locations.subarray(first, first + length);
    first += length;
  }
  return { ...header, properties: { ...properties, classLocations } };
}

/** The array's metadata are what we write for a case of its shape, and its file is as long as they say. */
async function checkArray(path: string, name: string, metadata: unknown, expected: number): Promise<void> {
  const described = join(path, name.split("/")[0]!, "zarr.json");
  if (!isDeepStrictEqual(await readJson(described), metadata)) {
    const problem = "does not describe an array of the case's shape and checksums; preprocess this case again";
    throw new InvalidArtifactError(described, "", problem);
  }
  const file = join(path, name);
  const { size } = await stat(file).catch((error: unknown) => {
    throw describeFileError(file, "could not be read", error);
  });
  if (size !== expected) throw damaged(file, expected, size);
}

async function checkEveryPlane(path: string, shape: VolumeShape): Promise<void> {
  const { labelled } = await readCaseHeader(path);
  const spatial: Shape3 = [shape[1], shape[2], shape[3]];
  const dataGrid = chunkGrid(shape[0], spatial);
  await withPlanes(join(path, DATA), dataGrid, Float32Array, (read) => readAll(dataGrid, Float32Array, read));
  if (!labelled) return;
  const segGrid = chunkGrid(1, spatial);
  await withPlanes(join(path, SEG), segGrid, Int16Array, (read) => readAll(segGrid, Int16Array, read));
}

/** Block after block, whose padding planes are stored and checked as well. */
async function readAll<T extends Float32Array | Int16Array>(
  grid: ChunkGrid,
  kind: ArrayKind<T>,
  read: ReadPlanes<T>,
): Promise<void> {
  const block = new kind(grid.chunk[0] * storedPlane(grid, kind.BYTES_PER_ELEMENT));
  for (let first = 0; first < planeCount(grid); first += grid.chunk[0]) await read(first, block);
}

function damaged(file: string, expected: number, received: number): Error {
  return new InvalidArtifactError(
    file,
    "",
    `expected ${expected} bytes, found ${received}; preprocess this case again`,
  );
}

function changed(file: string, plane?: number): Error {
  const what = plane === undefined ? "its content" : `plane ${plane} of its blocks`;
  return new InvalidArtifactError(
    file,
    "",
    `${what} is not what was written (the checksum differs): the disk or a transfer damaged it; preprocess this case again`,
  );
}

interface ArrayKind<T> {
  new (length: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

async function readBox<T extends Float32Array | Int16Array>(
  path: string,
  name: string,
  grid: ChunkGrid,
  start: Shape3,
  size: Shape3,
  out: T,
): Promise<void> {
  const kind = out.constructor as unknown as ArrayKind<T>;
  await withPlanes(join(path, name), grid, kind, (read) => gatherBox(grid, start, size, out, read));
}

/** Opens a shard and hands out a reader of its planes that compares every checksum. */
async function withPlanes<T extends Float32Array | Int16Array>(
  file: string,
  grid: ChunkGrid,
  { BYTES_PER_ELEMENT }: ArrayKind<T>,
  work: (read: ReadPlanes<T>) => Promise<void>,
): Promise<void> {
  const planeBytes = storedPlane(grid, BYTES_PER_ELEMENT) * BYTES_PER_ELEMENT;
  try {
    const handle = await open(file, "r");
    try {
      await work(async (first, into) => {
        const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
        let done = 0;
        while (done < bytes.length) {
          const { bytesRead } = await handle.read(bytes, done, bytes.length - done, first * planeBytes + done);
          if (bytesRead === 0) throw new InvalidArtifactError(file, "", "ends too early; preprocess this case again");
          done += bytesRead;
        }
        for (let at = 0; at < bytes.length; at += planeBytes) {
          if (!isIntact(bytes.subarray(at, at + planeBytes))) throw changed(file, first + at / planeBytes);
        }
      });
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw describeFileError(file, "could not be read", error);
  }
}

async function writeShard(
  folder: string,
  data: Float32Array | Int16Array,
  grid: ChunkGrid,
  dataType: "float32" | "int16",
  fill: number,
): Promise<void> {
  await mkdir(join(folder, "c/0/0/0"), { recursive: true });
  await writeFile(join(folder, "zarr.json"), JSON.stringify(shardedMetadata(grid, dataType, fill)));
  const handle = await open(join(folder, "c/0/0/0/0"), "wx");
  try {
    const planeBytes = storedPlane(grid, data.BYTES_PER_ELEMENT) * data.BYTES_PER_ELEMENT;
    const sealed = new Uint8Array(grid.chunk[0] * planeBytes);
    for (const block of chunksOf(data, grid, fill)) {
      const bytes = new Uint8Array(block.buffer, block.byteOffset, block.byteLength);
      for (let z = 0; z < grid.chunk[0]; z++) {
        const plane = sealed.subarray(z * planeBytes, (z + 1) * planeBytes);
        plane.set(bytes.subarray(z * (planeBytes - 4), (z + 1) * (planeBytes - 4)));
        writeChecksum(plane);
      }
      await handle.writeFile(sealed);
    }
    await handle.writeFile(shardIndex(grid, data.BYTES_PER_ELEMENT));
    await handle.datasync();
  } finally {
    await handle.close();
  }
}
