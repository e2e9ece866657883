/*
 * The numbers of TIFF 6.0 and of its later additions (libtiff, Adobe, GDAL) by their names.
 */

export const tags = {
  NewSubfileType: 254,
  SubfileType: 255,
  ImageWidth: 256,
  ImageLength: 257,
  BitsPerSample: 258,
  Compression: 259,
  PhotometricInterpretation: 262,
  FillOrder: 266,
  ImageDescription: 270,
  StripOffsets: 273,
  Orientation: 274,
  SamplesPerPixel: 277,
  RowsPerStrip: 278,
  StripByteCounts: 279,
  PlanarConfiguration: 284,
  T4Options: 292,
  T6Options: 293,
  Predictor: 317,
  ColorMap: 320,
  TileWidth: 322,
  TileLength: 323,
  TileOffsets: 324,
  TileByteCounts: 325,
  ExtraSamples: 338,
  SampleFormat: 339,
  JPEGTables: 347,
  ImageDepth: 32997,
} as const;

export const compressions = {
  none: 1,
  faxRuns: 2,
  fax3: 3,
  fax4: 4,
  lzw: 5,
  jpeg: 7,
  deflate: 8,
  faxRunsOfWords: 32771,
  packBits: 32773,
  oldDeflate: 32946,
  zstd: 50000,
} as const;

/** What those that we cannot undo are called. */
export const foreignCompressions: Readonly<Record<number, string>> = {
  6: "old-style JPEG (compression 6)",
  9: "JBIG",
  10: "JBIG",
  32766: "NeXT",
  32809: "ThunderScan",
  32909: "PixarLog",
  33003: "JPEG 2000",
  33004: "JPEG 2000",
  33005: "JPEG 2000",
  33007: "JPEG",
  34661: "JBIG",
  34676: "SGI LogLuv",
  34677: "SGI LogLuv",
  34712: "JPEG 2000",
  34887: "LERC",
  34892: "lossy JPEG of DNG",
  34925: "LZMA",
  34926: "an early form of zstd",
  34927: "WebP",
  34933: "PNG",
  34934: "JPEG XR",
  22610: "JPEG XR",
  48124: "Jetraw",
  50001: "WebP",
  50002: "JPEG XL",
  52546: "JPEG XL",
};

export const photometrics = {
  whiteIsZero: 0,
  blackIsZero: 1,
  rgb: 2,
  palette: 3,
  mask: 4,
  separated: 5,
  yCbCr: 6,
} as const;

export const foreignPhotometrics: Readonly<Record<number, string>> = {
  8: "CIE L*a*b*",
  9: "ICC L*a*b*",
  10: "ITU L*a*b*",
  32803: "colour filter array (raw camera)",
  32844: "LogL",
  32845: "LogLuv",
  34892: "linear raw camera",
  51177: "depth map",
};

/** "StripOffsets", or the number of a tag that we do not use. */
export function tagName(tag: number): string {
  return Object.entries(tags).find(([, number]) => number === tag)?.[0] ?? `tag ${tag}`;
}
