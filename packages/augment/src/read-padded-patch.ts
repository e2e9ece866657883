import { type PreprocessedCaseReader, type Shape3, ShapeMismatchError } from "@nnunet/core";

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
  reader: Pick<PreprocessedCaseReader, "id" | "shape" | "readPatch">,
  start: Shape3,
  size: Shape3,
): Promise<{ data: Float32Array; seg: Int16Array }> {
  const channels = reader.shape[0];
  const first = start.map((s) => Math.max(0, s));
  const inner = first.map((f, axis) => Math.min(reader.shape[axis + 1]!, start[axis]! + size[axis]!) - f);
  const voxels = size[0] * size[1] * size[2];
  if (inner.some((n) => n <= 0)) {
    return { data: new Float32Array(channels * voxels), seg: new Int16Array(voxels).fill(-1) };
  }
  const read = await reader.readPatch(first as unknown as Shape3, inner as unknown as Shape3);
  const [iz, iy, ix] = inner as [number, number, number];
  const expected = [channels * iz * iy * ix, iz * iy * ix];
  const received = [read.data.length, read.seg.length];
  if (received.some((n, i) => n !== expected[i])) {
    throw new ShapeMismatchError(`patch of case ${reader.id}, voxels of image and labels`, expected, received);
  }
  if (iz === size[0] && iy === size[1] && ix === size[2]) return read;

  const data = new Float32Array(channels * voxels);
  const seg = new Int16Array(voxels).fill(-1);
  const offset = first.map((f, axis) => f - start[axis]!) as [number, number, number];
  for (let z = 0; z < iz; z++) {
    for (let y = 0; y < iy; y++) {
      const from = (z * iy + y) * ix;
      const to = ((z + offset[0]) * size[1] + y + offset[1]) * size[2] + offset[2];
      seg.set(read.seg.subarray(from, from + ix), to);
      for (let c = 0; c < channels; c++) {
        const source = c * iz * iy * ix + from;
        data.set(read.data.subarray(source, source + ix), c * voxels + to);
      }
    }
  }
  return { data, seg };
}
