import { type Geometry, ImageFileError, type NiftiPlacement, type VolumeShape } from "@nnunet/core";
import { axesToWrite } from "../geometry/axes-to-write.ts";
import { type NiftiDataType, niftiDataTypes, refusedDataTypes } from "./nifti-data-types.ts";
import { geometryOfPlacement, type HeaderComplaints, placementToWrite } from "./nifti-placement.ts";

/** What a checked NIfTI header says, in the terms of this library. */
export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** Header and voxels in two files (`.hdr`, `.img`). */
  readonly pair: boolean;
  readonly dataType: NiftiDataType;
  /** RGB counts as three channels. */
  readonly shape: VolumeShape;
  readonly geometry: Geometry;
  readonly voxelOffset: number;
  readonly voxelBytes: number;
  /** Stored value · slope + intercept; undefined where the file says that no scaling is meant. */
  readonly scaling: { readonly slope: number; readonly intercept: number } | undefined;
  /** What is odd about it, field by field. */
  readonly warnings: readonly { readonly field: string; readonly problem: string }[];
}

/** Byte positions of the fields we use; the two versions hold the same fields in different places and widths. */
const layouts = {
  1: {
    size: 348,
    magic: 344,
    dim: 40,
    datatype: 70,
    bitpix: 72,
    pixdim: 76,
    voxOffset: 108,
    slope: 112,
    inter: 116,
    units: 123,
    qformCode: 252,
    sformCode: 254,
    quaternion: 256,
    qoffset: 268,
    srow: 280,
  },
  2: {
    size: 540,
    magic: 4,
    dim: 16,
    datatype: 12,
    bitpix: 14,
    pixdim: 104,
    voxOffset: 168,
    slope: 176,
    inter: 184,
    units: 500,
    qformCode: 344,
    sformCode: 348,
    quaternion: 352,
    qoffset: 376,
    srow: 400,
  },
} as const;

/** Enough of a file to hold either header. */
export const largestHeader = 544;

/**
 * Reads and checks the header of a NIfTI-1 or NIfTI-2 file of either byte order.
 *
 * @param bytes - the first bytes of the file, decompressed; at least the header
 * @param path - named in errors only
 * @throws {ImageFileError} naming the field that is wrong, and what it should be
 */
export function parseNiftiHeader(bytes: Uint8Array, path: string): NiftiHeader {
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  const warnings: { field: string; problem: string }[] = [];
  const warn = (field: string, problem: string) => void warnings.push({ field, problem });
  if (bytes.length < 348) fail("", `the file has ${bytes.length} bytes, a NIfTI header alone has 348; it is cut off`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sizes = [view.getInt32(0, true), view.getInt32(0, false)];
  const known = sizes.findIndex((size) => size === 348 || size === 540);
  if (known < 0) fail("sizeof_hdr", `expected 348 (NIfTI-1) or 540 (NIfTI-2), got ${sizes[0]}; this is no NIfTI file`);
  const little = known === 0;
  const version = sizes[known] === 348 ? 1 : 2;
  const at = layouts[version];
  if (bytes.length < at.size)
    fail("", `the file has ${bytes.length} bytes, its header alone has ${at.size}; it is cut off`);
  const int16 = (offset: number) => view.getInt16(offset, little);
  const real = (offset: number, i = 0) =>
    version === 1 ? view.getFloat32(offset + 4 * i, little) : view.getFloat64(offset + 8 * i, little);
  const whole = (offset: number, i = 0) =>
    version === 1 ? view.getInt16(offset + 2 * i, little) : Number(view.getBigInt64(offset + 8 * i, little));
  const code = (offset: number) => (version === 1 ? int16(offset) : view.getInt32(offset, little));

  const pair = readMagic(bytes.subarray(at.magic, at.magic + (version === 1 ? 4 : 8)), version, fail);
  const datatype = int16(at.datatype);
  const dataType =
    niftiDataTypes.get(datatype) ??
    fail(
      "datatype",
      refusedDataTypes[datatype] === undefined
        ? `${datatype} is not a NIfTI data type`
        : `${refusedDataTypes[datatype]} voxels are not supported; convert the file to float32`,
    );
  const bitpix = int16(at.bitpix);
  const bits = 8 * dataType.bytes * dataType.components;
  if (bitpix !== bits)
    warn("bitpix", `expected ${bits} for datatype ${dataType.name}, got ${bitpix}; the type is taken`);

  const dim = Array.from({ length: 8 }, (_, i) => whole(at.dim, i));
  const { extent, channels, axes } = readExtent(dim, fail);
  const fileChannels = channels * dataType.components;
  if (channels > 1 && dataType.components > 1) fail("dim[4]", `expected one ${dataType.name} volume, got ${channels}`);
  const voxelBytes = extent[0] * extent[1] * extent[2] * fileChannels * dataType.bytes;
  if (!Number.isSafeInteger(voxelBytes)) fail("dim", `[${dim}] is larger than any file`);

  const statedOffset = version === 1 ? real(at.voxOffset) : whole(at.voxOffset);
  const voxelOffset = Math.floor(statedOffset);
  const smallest = pair ? 0 : version === 1 ? 352 : 544;
  if (!(Number.isSafeInteger(voxelOffset) && voxelOffset >= smallest)) {
    fail("vox_offset", `expected a whole number of at least ${smallest}, got ${statedOffset}`);
  }
  if (voxelOffset !== statedOffset)
    warn("vox_offset", `expected a whole number, got ${statedOffset}; ${voxelOffset} is taken`);

  const list = (offset: number, length: number) => Array.from({ length }, (_, i) => real(offset, i));
  const nifti: NiftiPlacement = {
    version,
    units: version === 1 ? bytes[at.units]! : view.getInt32(at.units, little),
    sformCode: code(at.sformCode),
    qformCode: code(at.qformCode),
    pixdim: list(at.pixdim, 4),
    quaternion: list(at.quaternion, 3) as unknown as NiftiPlacement["quaternion"],
    qoffset: list(at.qoffset, 3) as unknown as NiftiPlacement["qoffset"],
    srow: list(at.srow, 12),
  };
  const geometry = geometryOfPlacement(nifti, extent, { warn, fail });
  return {
    version,
    littleEndian: little,
    pair,
    dataType,
    shape: [fileChannels, extent[2], extent[1], extent[0]],
    geometry: { ...geometry, asRead: { shape: [extent[2], extent[1], extent[0]], axes, nifti } },
    voxelOffset,
    voxelBytes,
    scaling: dataType.components > 1 ? undefined : readScaling(real(at.slope), real(at.inter), { warn, fail }),
    warnings,
  };
}

type Fail = HeaderComplaints["fail"];

function readMagic(magic: Uint8Array, version: 1 | 2, fail: Fail): boolean {
  const text = String.fromCharCode(...magic);
  const tail = version === 1 ? "\0" : "\0\r\n\x1a\n";
  if (text === `n+${version}${tail}`) return false;
  if (text === `ni${version}${tail}`) return true;
  const hint = magic.every((byte) => byte === 0) ? "; this is Analyze 7.5, convert it to NIfTI" : "";
  return fail("magic", `expected "n+${version}" or "ni${version}", got ${JSON.stringify(text)}${hint}`);
}

/** File axes x, y, z, then channels along the 4th (time) or the 5th (vector) axis. */
function readExtent(
  dim: readonly number[],
  fail: Fail,
): { extent: [number, number, number]; channels: number; axes: 1 | 2 | 3 } {
  const count = dim[0]!;
  if (!(count >= 1 && count <= 7)) fail("dim[0]", `expected 1 to 7 axes, got ${count}`);
  const length = (i: number) => {
    if (i > count) return 1;
    const n = dim[i]!;
    if (!(Number.isSafeInteger(n) && n > 0)) fail(`dim[${i}]`, `expected a positive number of voxels, got ${n}`);
    return n;
  };
  for (const i of [6, 7]) {
    if (length(i) !== 1)
      fail(`dim[${i}]`, `images of more than five axes are not supported, got ${length(i)} along it`);
  }
  if (length(4) > 1 && length(5) > 1) {
    fail("dim[5]", `expected 1 beside ${length(4)} volumes along the 4th axis, got ${length(5)}; split the file`);
  }
  const axes = Math.min(3, count) as 1 | 2 | 3;
  return { extent: [length(1), length(2), length(3)], channels: length(4) * length(5), axes };
}

/** As nibabel and ITK: a slope that is 0 or no number means that the stored values are the values. */
function readScaling(slope: number, intercept: number, { warn, fail }: HeaderComplaints): NiftiHeader["scaling"] {
  if (slope === 0 || Number.isNaN(slope)) return undefined;
  if (!Number.isFinite(slope)) {
    warn("scl_slope", `expected a finite number, got ${slope}; the values are taken as they are stored`);
    return undefined;
  }
  if (!Number.isFinite(intercept)) fail("scl_inter", `expected a finite number, got ${intercept}`);
  return slope === 1 && intercept === 0 ? undefined : { slope, intercept };
}

/**
 * The header of a file without scaling, little endian; with the four bytes that say "no extensions" where the voxels follow
 * in the same file.
 *
 * @param pair - for a `.hdr` whose voxels go to an `.img`
 */
export function encodeNiftiHeader(
  shape: VolumeShape,
  geometry: Geometry,
  datatype: number,
  version: 1 | 2,
  pair = false,
): Uint8Array<ArrayBuffer> {
  const at = layouts[version];
  const [channels, nz, ny, nx] = shape;
  const type = niftiDataTypes.get(datatype)!;
  const bytes = new Uint8Array(pair ? at.size : at.size + 4);
  const view = new DataView(bytes.buffer);
  const real = (offset: number, values: readonly number[]) => {
    for (const [i, value] of values.entries()) {
      if (version === 1) view.setFloat32(offset + 4 * i, value, true);
      else view.setFloat64(offset + 8 * i, value, true);
    }
  };
  const code = (offset: number, value: number) => {
    if (version === 1) view.setInt16(offset, value, true);
    else view.setInt32(offset, value, true);
  };
  view.setInt32(0, at.size, true);
  const magic = `n${pair ? "i" : "+"}${version}${version === 1 ? "\0" : "\0\r\n\x1a\n"}`;
  bytes.set(new TextEncoder().encode(magic), at.magic);
  const axes = channels > 1 ? 4 : axesToWrite(geometry, shape);
  for (const [i, n] of [axes, nx, ny, nz, channels, 1, 1, 1].entries()) {
    if (version === 1) view.setInt16(at.dim + 2 * i, n, true);
    else view.setBigInt64(at.dim + 8 * i, BigInt(n), true);
  }
  view.setInt16(at.datatype, datatype, true);
  view.setInt16(at.bitpix, 8 * type.bytes, true);
  const placement = placementToWrite(geometry, shape, version);
  real(at.pixdim, [...placement.pixdim, 1, 1, 1, 1]);
  const voxelOffset = pair ? 0 : at.size + 4;
  if (version === 1) real(at.voxOffset, [voxelOffset]);
  else view.setBigInt64(at.voxOffset, BigInt(voxelOffset), true);
  real(at.slope, [1]);
  real(at.inter, [0]);
  if (version === 1) bytes[at.units] = placement.units & 255;
  else view.setInt32(at.units, placement.units, true);
  code(at.qformCode, placement.qformCode);
  code(at.sformCode, placement.sformCode);
  real(at.quaternion, placement.quaternion);
  real(at.qoffset, placement.qoffset);
  real(at.srow, placement.srow);
  return bytes;
}
