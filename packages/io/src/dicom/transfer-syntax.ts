import { ImageFileError, show, UnsupportedError } from "@nnunet/core";

/** How compressed frames are decoded; "native" pixels lie there as they are. */
export type PixelCodec = "native" | "rle" | "jpeg" | "jpegLossless" | "jpegLs" | "jpeg2000" | "htj2k";

/** How the elements of a data set are written. */
export interface Encoding {
  readonly littleEndian: boolean;
  /** Every element names its type (its VR). */
  readonly explicit: boolean;
}

export interface TransferSyntax {
  readonly uid: string;
  readonly encoding: Encoding;
  readonly deflated: boolean;
  readonly codec: PixelCodec;
  /** The pixels' byte order where it is not the elements': one old private syntax. */
  readonly pixelsLittleEndian: boolean;
}

const explicitLittle: Encoding = { littleEndian: true, explicit: true };
export const implicitLittle: Encoding = { littleEndian: true, explicit: false };

const prefix = "1.2.840.10008.1.2";
const compressed: Readonly<Record<string, PixelCodec>> = {
  [`${prefix}.1.98`]: "native", // encapsulated, not compressed
  [`${prefix}.4.50`]: "jpeg",
  [`${prefix}.4.51`]: "jpeg",
  [`${prefix}.4.57`]: "jpegLossless",
  [`${prefix}.4.70`]: "jpegLossless",
  [`${prefix}.4.80`]: "jpegLs",
  [`${prefix}.4.81`]: "jpegLs",
  [`${prefix}.4.90`]: "jpeg2000",
  [`${prefix}.4.91`]: "jpeg2000",
  [`${prefix}.4.92`]: "jpeg2000",
  [`${prefix}.4.93`]: "jpeg2000",
  [`${prefix}.4.201`]: "htj2k",
  [`${prefix}.4.202`]: "htj2k",
  [`${prefix}.4.203`]: "htj2k",
  [`${prefix}.5`]: "rle",
};

/** What a reader of medical images has no use for, by name. */
const refused: Readonly<Record<string, string>> = {
  [`${prefix}.4.94`]: "pixels on a server (JPIP)",
  [`${prefix}.4.95`]: "pixels on a server (JPIP)",
  [`${prefix}.4.100`]: "MPEG-2 video",
  [`${prefix}.4.101`]: "MPEG-2 video",
  [`${prefix}.4.102`]: "MPEG-4 video",
  [`${prefix}.4.103`]: "MPEG-4 video",
  [`${prefix}.4.104`]: "MPEG-4 video",
  [`${prefix}.4.105`]: "MPEG-4 video",
  [`${prefix}.4.106`]: "MPEG-4 video",
  [`${prefix}.4.107`]: "HEVC video",
  [`${prefix}.4.108`]: "HEVC video",
  [`${prefix}.4.110`]: "JPEG XL",
  [`${prefix}.4.111`]: "JPEG XL",
  [`${prefix}.4.112`]: "JPEG XL",
  [`${prefix}.4.204`]: "pixels on a server (JPIP)",
  [`${prefix}.4.205`]: "pixels on a server (JPIP)",
};

/**
 * What a transfer syntax means; PS3.5 annex A.
 *
 * @throws {UnsupportedError} for video, servers, JPEG XL and the retired JPEG processes, by name
 */
export function transferSyntax(uid: string, path: string): TransferSyntax {
  const plain = { uid, encoding: explicitLittle, deflated: false, codec: "native", pixelsLittleEndian: true } as const;
  if (uid === `${prefix}.1`) return plain;
  if (uid === prefix) return { ...plain, encoding: implicitLittle };
  if (uid === `${prefix}.1.99`) return { ...plain, deflated: true };
  if (uid === `${prefix}.2`)
    return { ...plain, encoding: { littleEndian: false, explicit: true }, pixelsLittleEndian: false };
  // General Electric's own: little-endian elements, big-endian pixels.
  if (uid === "1.2.840.113619.5.2") return { ...plain, encoding: implicitLittle, pixelsLittleEndian: false };
  const codec = compressed[uid];
  if (codec) return { ...plain, codec };
  if (refused[uid]) throw new UnsupportedError(`DICOM with ${refused[uid]} (${path})`, "export it uncompressed");
  if (!uid.startsWith(`${prefix}.`))
    throw new ImageFileError(path, "TransferSyntaxUID", `expected a transfer syntax of DICOM, got ${show(uid)}`);
  throw new UnsupportedError(`the DICOM transfer syntax ${uid} (${path})`, "export it uncompressed");
}
