import type { VoxelArray } from "@nnunet/core";

/** Small arrays of Node may share one buffer with others. */
const POOLED = 2 ** 16;
/** Bytes of a file's header, say, that a buffer may hold beside the voxels. */
const BESIDE = 2 ** 20;

/** Whether the memory of voxels is theirs alone, as far as can be seen, so that it can be let go. */
export function canRelease({ buffer, byteLength }: VoxelArray): boolean {
  return buffer instanceof ArrayBuffer && byteLength > POOLED && buffer.byteLength - byteLength <= BESIDE;
}

/** Gives the memory of voxels back at once, whoever still knows them; the array is empty afterwards. */
export function release(data: VoxelArray): void {
  if (!canRelease(data)) return;
  const buffer = data.buffer as ArrayBuffer & { transfer?(length: number): ArrayBuffer };
  // Node 20 has no `transfer`; what the buffer is moved to is the collector's next.
  if (buffer.transfer) buffer.transfer(0);
  else structuredClone(buffer, { transfer: [buffer] });
}
