import ndarray, { type NdArray } from "ndarray";
import { InvalidArgumentError, ShapeMismatchError } from "./errors.ts";

/** Typed arrays that hold voxels. */
export type VoxelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/** [z, y, x] counts of voxels: slowest axis first. */
export type Shape3 = readonly [z: number, y: number, x: number];
/** [z, y, x] millimetres between voxel centres. */
export type Spacing = readonly [z: number, y: number, x: number];
/** [channel, z, y, x] */
export type VolumeShape = readonly [channel: number, z: number, y: number, x: number];

/**
 * Where the voxel grid lies in the patient.
 *
 * `spacing` has the axis order of the array ([z, y, x]). `origin` and `direction` are physical and follow ITK:
 * LPS millimetres in the order x, y, z; `direction` is a row-major 3×3 matrix whose *columns* are the unit
 * vectors of the image axes x, y, z. Stages between reading and writing pass them on untouched.
 */
export interface Geometry {
  readonly spacing: Spacing;
  readonly origin: readonly [x: number, y: number, z: number];
  readonly direction: readonly number[];
  /**
   * How the file said it. It speaks of that file's grid alone: writers use it only where it says exactly this geometry
   * and the volume has its shape, so it may be passed on to a changed geometry without harm.
   */
  readonly asRead?: GridAsRead;
}

/** What a file says of its grid beyond its geometry, so that a result on the same grid is written in the same words. */
export interface GridAsRead {
  readonly shape: Shape3;
  /** Axes of space in the file: an image of two has z = 1 here. */
  readonly axes: 1 | 2 | 3;
  /** If it is a NIfTI file. */
  readonly nifti?: NiftiPlacement;
}

/** The fields of a NIfTI header that place the image, as stored, in the file's own unit of length. */
export interface NiftiPlacement {
  readonly version: 1 | 2;
  /** `xyzt_units` */
  readonly units: number;
  readonly sformCode: number;
  readonly qformCode: number;
  /** qfac, then the spacing along x, y, z. */
  readonly pixdim: readonly number[];
  readonly quaternion: readonly [b: number, c: number, d: number];
  readonly qoffset: readonly [x: number, y: number, z: number];
  /** The sform, 3 × 4, row-major. */
  readonly srow: readonly number[];
}

/** Voxels with their place: `data` in C order over `shape` = [channel, z, y, x]. A 2D image has z = 1. */
export interface Volume<T extends VoxelArray = VoxelArray> {
  readonly data: T;
  readonly shape: VolumeShape;
  readonly geometry: Geometry;
}

/** Axis-aligned, at the origin, with the given spacing ([z, y, x], mm). */
export function axisAlignedGeometry(spacing: Spacing): Geometry {
  return { spacing, origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] };
}

/**
 * A checked {@link Volume}.
 *
 * @throws {InvalidArgumentError} if an extent is not a positive integer or a spacing not a positive number
 * @throws {ShapeMismatchError} if `data` does not have as many elements as `shape` promises
 * @example createVolume(new Float32Array(24), [1, 2, 3, 4], axisAlignedGeometry([1, 1, 1]));
 */
export function createVolume<T extends VoxelArray>(data: T, shape: VolumeShape, geometry: Geometry): Volume<T> {
  if (shape.length !== 4 || !shape.every((n) => Number.isInteger(n) && n > 0)) {
    throw new InvalidArgumentError("shape", "four positive integers [channel, z, y, x]", shape);
  }
  if (geometry.spacing.length !== 3 || !geometry.spacing.every((s) => s > 0 && Number.isFinite(s))) {
    throw new InvalidArgumentError("geometry.spacing", "three positive numbers [z, y, x] in mm", geometry.spacing);
  }
  if (data.length !== elementCount(shape)) throw new ShapeMismatchError("data", [elementCount(shape)], [data.length]);
  return { data, shape, geometry };
}

/** The product of the extents. */
export function elementCount(shape: readonly number[]): number {
  let n = 1;
  for (const extent of shape) n *= extent;
  return n;
}

/** The [z, y, x] part of a volume's shape. */
export function spatialShape(volume: Pick<Volume, "shape">): Shape3 {
  return [volume.shape[1], volume.shape[2], volume.shape[3]];
}

/** An `ndarray` view of the voxels, shape [channel, z, y, x]; nothing is copied. */
export function asNdarray<T extends VoxelArray>(volume: Volume<T>): NdArray<T> {
  return ndarray(volume.data, [...volume.shape]);
}
