import type { Shape3, VolumeShape } from "@nnunet/core";

/** Whether each spatial axis is reversed. */
export type Mirroring = readonly [z: boolean, y: boolean, x: boolean];

/**
 * Every combination of the axes, the unmirrored one first: 2 for one axis, 4 for two, 8 for three.
 *
 * @param axes - of [z, y, x]
 * @example mirrorings([2]); // [[false, false, false], [false, false, true]]
 */
export function mirrorings(axes: readonly number[]): Mirroring[] {
  const used = [0, 1, 2].filter((axis) => axes.includes(axis));
  return Array.from({ length: 2 ** used.length }, (_, bits) => {
    const on = (axis: number) => used.includes(axis) && ((bits >> used.indexOf(axis)) & 1) === 1;
    return [on(0), on(1), on(2)];
  });
}

/**
 * Copies one patch out of an image, mirrored, into a batch. Voxels outside the image become 0.
 *
 * @param image - [channel, planes, y, x]: plane z lies at z modulo `planes`
 * @param shape - of the image, [channel, z, y, x]
 * @param start - first voxel of the patch in the image, may be negative
 * @param planes - all of the image by default
 * @param out - filled from `offset` on with [channel, ...patchSize]
 */
export function copyPatch(
  image: Float32Array,
  shape: VolumeShape,
  start: Shape3,
  patchSize: Shape3,
  mirroring: Mirroring,
  out: Float32Array,
  offset: number,
  planes: number = shape[1],
): void {
  const [channels, sizeZ, sizeY, sizeX] = shape;
  const [patchZ, patchY, patchX] = patchSize;
  const firstX = Math.max(0, -start[2]);
  const endX = Math.min(patchX, sizeX - start[2]);
  const inside = firstX === 0 && endX === patchX;
  for (let c = 0; c < channels; c++) {
    for (let z = 0; z < patchZ; z++) {
      const imageZ = start[0] + (mirroring[0] ? patchZ - 1 - z : z);
      for (let y = 0; y < patchY; y++, offset += patchX) {
        const imageY = start[1] + (mirroring[1] ? patchY - 1 - y : y);
        if (imageZ < 0 || imageZ >= sizeZ || imageY < 0 || imageY >= sizeY) {
          out.fill(0, offset, offset + patchX);
          continue;
        }
        if (!inside) out.fill(0, offset, offset + patchX);
        const row = ((c * planes + (imageZ % planes)) * sizeY + imageY) * sizeX + start[2];
        if (mirroring[2]) {
          const last = offset + patchX - 1;
          for (let x = firstX; x < endX; x++) out[last - x] = image[row + x]!;
        } else {
          for (let x = firstX; x < endX; x++) out[offset + x] = image[row + x]!;
        }
      }
    }
  }
}
