/** Reading and preprocessing hold at most this many float32 copies of the larger of input and output. */
const COPIES = 3;

/**
 * What reading and preprocessing a case takes at its peak, image and label.
 *
 * @param largest - voxels of the original grid or of the target grid, whichever has more
 * @returns bytes
 */
export function preprocessingBytes(channels: number, largest: number): number {
  return COPIES * 4 * (channels + 1) * largest;
}
