import { type Shape3, shownPoint, type Volume } from "@nnunet/core";

/**
 * Where a voxel is, as viewers show it: its number along x, y, z and its coordinates.
 *
 * @param i - index into one channel, C order
 * @example voxelPlace(7, volume); // "(1, 1, 1) [x, y, z], RAS (-2, -1, 4) mm"
 */
export function voxelPlace(i: number, { shape, geometry }: Pick<Volume, "shape" | "geometry">): string {
  const [, , ny, nx] = shape;
  const index: Shape3 = [Math.floor(i / (ny * nx)), Math.floor(i / nx) % ny, i % nx];
  const { origin, direction, spacing } = geometry;
  const step = [spacing[2] * index[2], spacing[1] * index[1], spacing[0] * index[0]]; // x, y, z
  const lps = [0, 1, 2].map((row) => step.reduce((sum, s, axis) => sum + direction[3 * row + axis]! * s, origin[row]!));
  // NIfTI, and most viewers, count towards right, anterior and superior; ITK and DICOM towards left and posterior.
  const ras = [-lps[0]!, -lps[1]!, lps[2]!].map((v) => (v === 0 ? 0 : v)).reverse();
  return `${shownPoint(index)} [x, y, z], RAS ${shownPoint(ras)} mm`;
}
