import type { Photometric } from "./pixel-format.ts";

/*
 * A JPEG of three components does not always say what they are; decoders then take them for luminance and colour
 * differences. DICOM's header knows: where the stream is silent, Adobe's marker is put in, which decoders obey.
 */

/** @returns the stream, with a marker that says whether its components are RGB where it had none */
export function withColourMarker(stream: Buffer, photometric: Photometric): Buffer {
  if (saysItsColours(stream)) return stream;
  const transform = photometric === "RGB" ? 0 : 1;
  const marker = Buffer.from([0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, transform]);
  return Buffer.concat([stream.subarray(0, 2), marker, stream.subarray(2)]);
}

/** As decoders have it: by JFIF's marker, by Adobe's if it is whole, or by components named R, G and B. */
function saysItsColours(stream: Buffer): boolean {
  for (let at = 2; at + 4 <= stream.length; ) {
    const marker = stream[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = stream.readUInt16BE(at + 2);
    const name = stream.toString("latin1", at + 4, at + 9);
    if ((marker === 0xe0 && name === "JFIF\0") || (marker === 0xee && name === "Adobe" && length >= 14)) return true;
    if (marker >= 0xc0 && marker <= 0xc2) return "RGB" === idsOf(stream, at);
    if (marker === 0xda) return false;
    at += 2 + length;
  }
  return false;
}

function idsOf(stream: Buffer, at: number): string {
  return String.fromCharCode(...[10, 13, 16].map((offset) => stream[at + offset] ?? 0));
}
