/**
 * Frees the memory of an array at once; nobody may use it afterwards. The garbage collector comes by only after two or three
 * more of that size have been made.
 *
 * A transferred array is gone here, and a message that nobody can receive is dropped with all it carries: Node 20 has no
 * `ArrayBuffer.prototype.transfer` yet, which does the same.
 *
 * @param data - left alone where it is only a part of its buffer
 */
export function letGo(data: Float32Array | Uint8Array): void {
  if (data.byteLength !== data.buffer.byteLength) return;
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(null, [data.buffer as ArrayBuffer]);
  port1.close();
  port2.close();
}
