import type { VoxelArray } from "@nnunet/core";

/** Small arrays of Node may share one buffer with others. */
const POOLED = 2 ** 16;
/** Bytes of a file's header, say, that a buffer may hold beside the voxels. */
const BESIDE = 2 ** 20;

/** Whether the memory of an array is its own, as far as can be seen, and worth the trouble, so that it can be let go. */
export function canLetGo({ buffer, byteLength }: VoxelArray): boolean {
  return buffer instanceof ArrayBuffer && byteLength > POOLED && buffer.byteLength - byteLength <= BESIDE;
}

/**
 * Frees the memory of an array at once, whoever still knows it; it is empty afterwards. The garbage collector comes by only
 * after two or three more of that size have been made. Does nothing where {@link canLetGo} says no.
 *
 * A transferred array is gone here, and a message that nobody can receive is dropped with all it carries: Node 20 has no
 * `ArrayBuffer.prototype.transfer` yet, which does the same.
 */
export function letGo(data: VoxelArray): void {
  if (!canLetGo(data)) return;
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(null, [data.buffer as ArrayBuffer]);
  port1.close();
  port2.close();
}
