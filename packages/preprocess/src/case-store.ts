import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  InvalidArtifactError,
  type PreprocessedCase,
  type PreprocessedCaseReader,
  type PreprocessedProperties,
  type Shape3,
  type VolumeShape,
} from "@nnunet/core";
import { describeFileError, makeFolder, pathBelow, readJson, temporaryBeside } from "@nnunet/core/node";
import { caseInMemory, checkPatch } from "./case-in-memory.ts";
import { type ChunkGrid, chunkGrid, chunksOf, gatherBox } from "./chunk-grid.ts";
import { groupMetadata, listMetadata, shardBytes, shardedMetadata, shardIndex } from "./zarr-metadata.ts";

/*
 * One case is the Zarr group `<folder>/<id>.zarr`: arrays `data` [c, z, y, x] float32, `seg` [1, z, y, x] int16 and
 * `class_locations` (int32, all classes one after another); properties and content hash are attributes of the group.
 */
const FORMAT = "nnunet-ts preprocessed case 1";
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
  const path = casePath(folder, properties.id);
  const temporary = temporaryBeside(path);
  try {
    await makeFolder(folder);
    await removeLeftovers(folder, properties.id);
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
    await writeFile(join(temporary, LOCATIONS), new Uint8Array(locations.buffer));
    const attributes = {
      format: FORMAT,
      contentHash,
      shape,
      labelled: seg !== undefined,
      classLocations: keys.map((key) => [key, classLocations[key]!.length]),
      properties: plain,
    };
    await writeFile(join(temporary, "zarr.json"), `${JSON.stringify(groupMetadata(attributes), null, 1)}\n`);
    await replaceFolder(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw describeFileError(path, "could not be written", error);
  }
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
  const path = casePath(folder, id);
  const { shape, labelled, contentHash, properties } = await readCaseHeader(path);
  const spatial: Shape3 = [shape[1], shape[2], shape[3]];
  const dataGrid = chunkGrid(shape[0], spatial);
  const segGrid = chunkGrid(1, spatial);
  await checkSize(path, DATA, shardBytes(dataGrid, 4));
  if (labelled) await checkSize(path, SEG, shardBytes(segGrid, 2));
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
  const path = casePath(folder, id);
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
 */
export async function storedHash(folder: string, id: string): Promise<string | undefined> {
  try {
    return (await openPreprocessedCase(folder, id)).contentHash;
  } catch {
    return undefined;
  }
}

function casePath(folder: string, id: string): string {
  return pathBelow(folder, `${id}.zarr`);
}

interface CaseHeader {
  readonly shape: VolumeShape;
  readonly labelled: boolean;
  readonly contentHash: string;
  readonly properties: PreprocessedProperties;
}

async function readCaseHeader(path: string): Promise<CaseHeader> {
  const file = join(path, "zarr.json");
  const attributes = ((await readJson(file)) as { attributes?: Record<string, unknown> } | null)?.attributes;
  if (attributes?.format !== FORMAT) {
    throw new InvalidArtifactError(file, "attributes.format", `expected "${FORMAT}"; preprocess this case again`);
  }
  const {
    shape,
    labelled,
    contentHash,
    classLocations: lengths,
    properties,
  } = attributes as unknown as CaseHeader & {
    classLocations: [string, number][];
  };
  const total = lengths.reduce((n, [, length]) => n + length, 0);
  const bytes = await readFile(join(path, LOCATIONS)).catch((error: unknown) => {
    throw describeFileError(join(path, LOCATIONS), "could not be read", error);
  });
  if (bytes.byteLength !== 4 * total) throw damaged(join(path, LOCATIONS), 4 * total, bytes.byteLength);
  const locations = new Int32Array(total);
  new Uint8Array(locations.buffer).set(bytes);
  const classLocations: Record<string, Int32Array> = {};
  let first = 0;
  for (const [key, length] of lengths) {
    classLocations[key] = locations.subarray(first, first + length);
    first += length;
  }
  return { shape, labelled, contentHash, properties: { ...properties, classLocations } };
}

async function checkSize(path: string, name: string, expected: number): Promise<void> {
  const file = join(path, name);
  const { size } = await stat(file).catch((error: unknown) => {
    throw describeFileError(file, "could not be read", error);
  });
  if (size !== expected) throw damaged(file, expected, size);
}

function damaged(file: string, expected: number, received: number): Error {
  return new InvalidArtifactError(
    file,
    "",
    `expected ${expected} bytes, found ${received}; preprocess this case again`,
  );
}

async function readBox<T extends Float32Array | Int16Array>(
  path: string,
  name: string,
  grid: ChunkGrid,
  start: Shape3,
  size: Shape3,
  out: T,
): Promise<void> {
  const file = join(path, name);
  try {
    const handle = await open(file, "r");
    try {
      await gatherBox(grid, start, size, out, async (first, into) => {
        const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
        let done = 0;
        while (done < bytes.length) {
          const position = first * into.BYTES_PER_ELEMENT + done;
          const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position);
          if (bytesRead === 0) throw new InvalidArtifactError(file, "", "ends too early; preprocess this case again");
          done += bytesRead;
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
    for (const chunk of chunksOf(data, grid, fill)) {
      await handle.writeFile(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    }
    await handle.writeFile(shardIndex(grid, data.BYTES_PER_ELEMENT));
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** A folder cannot be renamed onto a full one: the old case steps aside first. */
async function replaceFolder(temporary: string, path: string): Promise<void> {
  const old = temporary.replace(/\.tmp$/, ".old.tmp");
  const replaced = await rename(path, old).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
  await rename(temporary, path);
  if (replaced) await rm(old, { recursive: true, force: true });
}

async function removeLeftovers(folder: string, id: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${id}.zarr.`) && name.endsWith(".tmp")) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}
