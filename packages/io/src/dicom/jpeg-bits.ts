/** The bits of an entropy-coded segment of JPEG, in which 0xff is followed by a stuffed 0. */
export interface JpegBits {
  /** @param count - at most 16 @throws {Error} if the data end before */
  readonly read: (count: number) => number;
  /** Steps over the restart marker, which must be next. */
  readonly restart: () => void;
}

export function jpegBits(data: Buffer): JpegBits {
  let at = 0;
  let held = 0;
  let heldBits = 0;
  const read = (count: number): number => {
    while (heldBits < count) {
      const byte = data[at];
      if (byte === undefined || (byte === 0xff && data[at + 1] !== 0)) throw new Error("the scan is cut off");
      at += byte === 0xff ? 2 : 1;
      held = ((held << 8) | byte) & 0xffffff;
      heldBits += 8;
    }
    heldBits -= count;
    return (held >> heldBits) & (2 ** count - 1);
  };
  const restart = (): void => {
    heldBits = 0;
    const marker = data[at + 1] ?? 0;
    if (data[at] !== 0xff || marker < 0xd0 || marker > 0xd7) throw new Error("a restart marker is missing");
    at += 2;
  };
  return { read, restart };
}
