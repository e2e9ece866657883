/**
 * PackBits (TIFF 6.0, section 9): runs of equal bytes and of different ones.
 *
 * @param length - bytes to make; what follows is not looked at
 * @returns fewer bytes than `length` if the data end early
 */
export function unpackBits(packed: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < packed.length && at < length; ) {
    const control = packed[i++]!;
    if (control < 128) {
      const run = packed.subarray(i, Math.min(i + control + 1, i + length - at));
      out.set(run, at);
      at += run.length;
      i += control + 1;
    } else if (control > 128 && i < packed.length) {
      const stop = Math.min(length, at + 257 - control);
      out.fill(packed[i++]!, at, stop);
      at = stop;
    }
  }
  return out.subarray(0, at);
}
