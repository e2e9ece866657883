import { elementCount, InvalidArtifactError, type VolumeShape } from "@nnunet/core";
import { type RandomAccess, withRandomAccess } from "../bytes/random-access.ts";
import { elementType } from "../torch/element-types.ts";
import { recordChunks } from "../zip/zip-content.ts";
import { readZipDirectory, type ZipRecord } from "../zip/zip-directory.ts";
import { longestNpyHeader, type NpyHeader, npyHeader } from "./npy-header.ts";

const member = "probabilities.npy";
/** A softmax of float16 may sum up to a little more than 1. */
const tolerance = 1e-2;

/**
 * The shape of the probabilities in an `.npz` of nnU-Net v2, [class or region, z, y, x], from its header alone.
 *
 * @throws {FileError} if the file cannot be read
 * @throws {InvalidArtifactError} if it is no such file, or damaged
 */
export async function v2ProbabilitiesShape(path: string): Promise<VolumeShape> {
  return withRandomAccess(path, async (source) => (await openArray(source)).shape);
}

/**
 * The probabilities that nnU-Net v2 stored of one case (`--save_probabilities`, `--npz`): `CASE.npz`, a zip archive of one
 * array of floats. It is read to its end, and its checksum compared.
 *
 * @returns values in C order over `shape`, [class or region, z, y, x]
 * @throws as {@link v2ProbabilitiesShape}; also if a value is no probability
 */
export async function readV2Probabilities(path: string): Promise<{ data: Float32Array; shape: VolumeShape }> {
  return withRandomAccess(path, async (source) => {
    const { record, header, shape } = await openArray(source);
    const { bytes: size, read } = elementType(header.type)!;
    const data = new Float32Array(elementCount(shape));
    const place = header.isFortranOrder ? fromFortran(shape) : (index: number) => index;
    let index = 0;
    for await (const bytes of wholeValues(recordChunks(source, record), header.dataStart, size)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < bytes.length; at += size) {
        const value = Number(read(view, at, header.isLittleEndian));
        if (!(value >= -tolerance && value <= 1 + tolerance)) {
          throw new InvalidArtifactError(path, member, `expected probabilities from 0 to 1, got ${value}`);
        }
        data[place(index++)] = value;
      }
    }
    return { data, shape };
  });
}

async function openArray(source: RandomAccess): Promise<{ record: ZipRecord; header: NpyHeader; shape: VolumeShape }> {
  const record = (await readZipDirectory(source)).get(member);
  if (!record) {
    const problem = `holds no ${member}: nnU-Net v2 did not store it as the probabilities of a case`;
    throw new InvalidArtifactError(source.path, "", problem);
  }
  const header = npyHeader(await firstBytes(source, record), source.path, member);
  const [channels, depth, height, width, ...more] = header.shape;
  if (width === undefined || more.length > 0 || header.shape.includes(0)) {
    const problem = `expected an array [class or region, z, y, x], got one of [${header.shape.join(", ")}]`;
    throw new InvalidArtifactError(source.path, member, problem);
  }
  const shape: VolumeShape = [channels!, depth!, height!, width];
  const expected = header.dataStart + elementCount(shape) * elementType(header.type)!.bytes;
  if (record.size !== expected) {
    const problem = `has ${record.size} bytes, and ${shape.join(" × ")} values of ${header.type} have ${expected}`;
    throw new InvalidArtifactError(source.path, member, `${problem}; it is damaged, predict again`);
  }
  return { record, header, shape };
}

async function firstBytes(source: RandomAccess, record: ZipRecord): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of recordChunks(source, record)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= longestNpyHeader) break;
  }
  return Buffer.concat(chunks).subarray(0, longestNpyHeader);
}

/** The bytes behind the header, in pieces of whole values. */
async function* wholeValues(
  chunks: AsyncIterable<Uint8Array>,
  headerBytes: number,
  size: number,
): AsyncGenerator<Uint8Array> {
  let toSkip = headerBytes;
  let left: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const skipped = Math.min(toSkip, chunk.length);
    toSkip -= skipped;
    const bytes: Uint8Array = Buffer.concat([left, chunk.subarray(skipped)]);
    const whole = bytes.length - (bytes.length % size);
    yield bytes.subarray(0, whole);
    left = bytes.subarray(whole);
  }
}

/** Where in C order a value stands that is given in Fortran order, the first axis fastest. */
function fromFortran(shape: VolumeShape): (index: number) => number {
  const [channels, depth, height, width] = shape;
  return (index) => {
    const c = index % channels;
    const z = Math.floor(index / channels) % depth;
    const y = Math.floor(index / (channels * depth)) % height;
    const x = Math.floor(index / (channels * depth * height));
    return ((c * depth + z) * height + y) * width + x;
  };
}
