import { elementCount, type PreprocessedCaseReader, type Shape3, ShapeMismatchError } from "@nnunet/core";

type Reader = Pick<PreprocessedCaseReader, "id" | "shape" | "readPatch">;

/** What a case has of a box that may reach outside its volume. */
export interface InsideOfBox {
  /** Of the box, [z, y, x]. */
  readonly size: Shape3;
  /** Where the case begins in the box, and how far it reaches; all 0 if it is not in it. */
  readonly offset: Shape3;
  readonly inner: Shape3;
  /** [channel, ...inner] */
  readonly data: Float32Array;
  /** [...inner] */
  readonly seg: Int16Array;
}

/**
 * @param start - first voxel of the box, [z, y, x]; may be negative
 * @param size - of the box, [z, y, x]
 * @throws {ShapeMismatchError} if the reader returns something else than the box asked for
 */
export async function readInside(reader: Reader, start: Shape3, size: Shape3): Promise<InsideOfBox> {
  const first = start.map((s) => Math.max(0, s)) as unknown as Shape3;
  const inner = first.map(
    (f, axis) => Math.min(reader.shape[axis + 1]!, start[axis]! + size[axis]!) - f,
  ) as unknown as Shape3;
  if (inner.some((n) => n <= 0)) {
    return { size, offset: [0, 0, 0], inner: [0, 0, 0], data: new Float32Array(0), seg: new Int16Array(0) };
  }
  const { data, seg } = await reader.readPatch(first, inner);
  const expected = [reader.shape[0] * elementCount(inner), elementCount(inner)];
  const received = [data.length, seg.length];
  if (received.some((n, i) => n !== expected[i])) {
    throw new ShapeMismatchError(`patch of case ${reader.id}, voxels of image and labels`, expected, received);
  }
  return { size, offset: first.map((f, axis) => f - start[axis]!) as unknown as Shape3, inner, data, seg };
}

/**
 * One channel, or the labels, of a box: outside the volume the image is 0 and the segmentation −1.
 *
 * @param out - written, [z, y, x] of the box
 */
export function writeChannel({ size, offset, inner, data }: InsideOfBox, channel: number, out: Float32Array): void {
  const voxels = elementCount(inner);
  placeInside(data.subarray(channel * voxels, (channel + 1) * voxels), inner, offset, size, out, 0);
}

export function writeLabels({ size, offset, inner, seg }: InsideOfBox, out: Int16Array): void {
  placeInside(seg, inner, offset, size, out, -1);
}

function placeInside<T extends Float32Array | Int16Array>(
  from: T,
  inner: Shape3,
  offset: Shape3,
  size: Shape3,
  out: T,
  outside: number,
): void {
  if (inner.every((n, axis) => n === size[axis])) {
    out.set(from);
    return;
  }
  out.fill(outside);
  const [iz, iy, ix] = inner;
  for (let z = 0, row = 0; z < iz; z++) {
    for (let y = 0; y < iy; y++, row += ix) {
      out.set(from.subarray(row, row + ix), ((z + offset[0]) * size[1] + y + offset[1]) * size[2] + offset[2]);
    }
  }
}

/**
 * A patch of a case that may reach outside its volume: outside, the image is 0 and the segmentation −1.
 *
 * @param start - first voxel, [z, y, x]; may be negative
 * @param size - [z, y, x]
 * @returns `data` of shape [channel, ...size], `seg` of shape `size`
 * @throws {ShapeMismatchError} if the reader returns something else than the box asked for
 * @see docs/method.md §4.2
 */
export async function readPaddedPatch(
  reader: Reader,
  start: Shape3,
  size: Shape3,
): Promise<{ data: Float32Array; seg: Int16Array }> {
  const inside = await readInside(reader, start, size);
  if (inside.inner.every((n, axis) => n === size[axis])) return inside;
  const voxels = elementCount(size);
  const data = new Float32Array(reader.shape[0] * voxels);
  const seg = new Int16Array(voxels);
  for (let at = 0, c = 0; at < data.length; at += voxels, c++) writeChannel(inside, c, data.subarray(at, at + voxels));
  writeLabels(inside, seg);
  return { data, seg };
}
