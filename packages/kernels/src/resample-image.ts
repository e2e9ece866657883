import { elementCount, InvalidArgumentError, type Shape3, ShapeMismatchError } from "@nnunet/core";
import { type AxisResampling, axisResampling } from "./resample-axis.ts";
import { blendRows, PanelScratch, resamplePanel } from "./resample-panel.ts";
import { planeResampler } from "./resample-plane.ts";
import { cropTransposed, transposeVolume } from "./transpose-volume.ts";

export type SplineOrder = 0 | 1 | 3;

/** Resample slices on their own, and the axis across them with another order. */
export interface SeparateAxis {
  /** The axis across the slices: 0 (z), 1 (y) or 2 (x). */
  readonly axis: number;
  /** nnU-Net: 0, nearest. */
  readonly order: SplineOrder;
}

export interface ResampleImageOptions {
  /** 0: nearest, 1: linear, 3: cubic B-spline. */
  readonly order: SplineOrder;
  readonly separateAxis?: SeparateAxis | undefined;
  /** Allows using `data` as working memory; its content is lost. Saves up to one copy of the input. */
  readonly overwriteInput?: boolean;
  /** Receives the result, instead of a new array; must not share memory with the input. */
  readonly out?: Float32Array;
  /** false: keep to the TypeScript loops where WebAssembly would run. The numbers are the same. */
  readonly simd?: boolean;
}

/**
 * One channel on another grid over the same extent, as `skimage.transform.resize` without anti-aliasing does it: cubic
 * B-spline through the samples (edge values continued), then clipped to the range of the input.
 *
 * With `separateAxis` every slice is resampled in plane and clipped to its own range, then the slices are resampled
 * along the axis: nnU-Net's way for anisotropic images.
 *
 * The passes are separable, accumulate in float64 and store float32. Memory beyond input and output: a few slices,
 * and where the image shrinks along z one [target z, y, x] volume, unless the input may be overwritten.
 *
 * @param data - [z, y, x]
 * @param shape - of `data`
 * @param target - wanted [z, y, x]
 * @returns [z, y, x] of `target`; `data` itself if the shapes are equal and the input may be overwritten
 * @throws {ShapeMismatchError} if `data` does not have as many elements as `shape` promises
 * @throws {InvalidArgumentError} if a shape, an order or the axis is outside its domain
 * @example resampleImage(Float32Array.of(0, 1), [1, 1, 2], [1, 1, 4], { order: 1 }); // [0, 0.25, 0.75, 1]
 * @see Isensee et al. 2021, Methods, "Resampling"; docs/method.md §0 items 21, 22 and §3
 */
export function resampleImage(
  data: Float32Array,
  shape: Shape3,
  target: Shape3,
  options: ResampleImageOptions,
): Float32Array {
  const { order, separateAxis, overwriteInput = false, simd = true } = options;
  checkShapes(shape, target, order, separateAxis);
  if (data.length !== elementCount(shape)) throw new ShapeMismatchError("data", [elementCount(shape)], [data.length]);
  const voxels = elementCount(target);
  if (options.out && options.out.length !== voxels) throw new ShapeMismatchError("out", [voxels], [options.out.length]);
  if (shape.every((n, i) => n === target[i])) {
    options.out?.set(data);
    return options.out ?? (overwriteInput ? data : data.slice());
  }

  const across = separateAxis?.axis ?? 0;
  if (across !== 0) {
    // Rare: put the axis across the slices first, and back. Costs one more copy of input and output.
    const axes = across === 1 ? [1, 0, 2] : [2, 0, 1];
    const back = across === 1 ? [1, 0, 2] : [1, 2, 0];
    const turned = transposeVolume(data, [1, ...shape], axes).data;
    const order3 = (s: Shape3): Shape3 => [s[axes[0]!]!, s[axes[1]!]!, s[axes[2]!]!];
    const resampled = resampleImage(turned, order3(shape), order3(target), {
      order,
      separateAxis: { axis: 0, order: separateAxis!.order },
      overwriteInput: true,
      simd,
    });
    const box = order3(target).map((n) => [0, n] as const);
    return cropTransposed(resampled, order3(target), box, back, options.out ?? new Float32Array(voxels));
  }

  const out = options.out ?? new Float32Array(voxels);
  const scratch = new PanelScratch(simd);
  const orderZ = separateAxis?.order ?? order;
  if (orderZ === 3 && shape[0] !== target[0]) {
    cubicAlongZ(data, shape, target, order, separateAxis !== undefined, overwriteInput, out, scratch);
  } else {
    const [inputSlice, outputSlice] = [shape[1] * shape[2], target[1] * target[2]];
    // The spline overshoots: clip to the range of the whole image, or of the slice if slices stand on their own.
    const range = order === 3 && !separateAxis ? extrema(data, 0, data.length) : undefined;
    const slice = (k: number) => [data, k * inputSlice] as const;
    resampleAlongSlices(slice, shape, target, options, range, (j) => [out, j * outputSlice], scratch);
  }
  return out;
}

/** Where a slice begins. */
type SlicePlace = readonly [data: Float32Array, first: number];

/**
 * Slice after slice of what {@link resampleImage} gives. The axis across the slices must be z and must not be cubic (or
 * not change).
 *
 * @param slice - of the input; what was given before may be overwritten
 * @param range - to clip to; else the range of each slice, where the order is cubic
 * @param place - where slice j of the result goes
 * @param finished - is told that it is there; its place may then be given again
 */
export function resampleAlongSlices(
  slice: (k: number) => SlicePlace,
  shape: Shape3,
  target: Shape3,
  { order, separateAxis }: Pick<ResampleImageOptions, "order" | "separateAxis">,
  range: readonly [low: number, high: number] | undefined,
  place: (j: number) => SlicePlace,
  scratch: PanelScratch,
  finished: (j: number) => void = () => {},
): void {
  const plane = planeResampler([shape[1], shape[2]], [target[1], target[2]], order, scratch);
  const inputSlice = shape[1] * shape[2];
  const outputSlice = target[1] * target[2];
  const z = axisResampling(shape[0], target[0], shape[0] === target[0] ? 0 : (separateAxis?.order ?? order));
  const resample = (k: number, out: Float32Array, to: number) => {
    const [data, from] = slice(k);
    const [low, high] = order !== 3 ? [-Infinity, Infinity] : (range ?? extrema(data, from, from + inputSlice));
    plane(data, from, out, to, low, high);
  };

  if (z.taps === 1) {
    let last: SlicePlace | undefined;
    for (let j = 0; j < target[0]; j++) {
      const [out, to] = place(j);
      if (last === undefined || z.start[j] !== z.start[j - 1]) resample(z.start[j]!, out, to);
      else if (last[0] !== out || last[1] !== to) out.set(last[0].subarray(last[1], last[1] + outputSlice), to);
      last = [out, to];
      finished(j);
    }
    return;
  }
  const pair = scratch.plane(3, 2 * outputSlice);
  let held = -2; // the pair holds slices held, held + 1
  for (let j = 0; j < target[0]; j++) {
    const k = z.start[j]!;
    if (k === held + 1) pair.copyWithin(0, outputSlice, 2 * outputSlice);
    else if (k !== held) resample(k, pair, 0);
    if (k !== held) resample(k + 1, pair, outputSlice);
    held = k;
    const [out, to] = place(j);
    blendRows(pair, 0, outputSlice, outputSlice, z.weights[2 * j]!, z.weights[2 * j + 1]!, out, to);
    finished(j);
  }
}

/** Whole columns are needed along z. Where z shrinks it goes first, else last and in place, inside `out`. */
function cubicAlongZ(
  data: Float32Array,
  shape: Shape3,
  target: Shape3,
  order: SplineOrder,
  separate: boolean,
  overwriteInput: boolean,
  out: Float32Array,
  scratch: PanelScratch,
): void {
  const plane = planeResampler([shape[1], shape[2]], [target[1], target[2]], order, scratch);
  const z: AxisResampling = axisResampling(shape[0], target[0], 3);
  const inputSlice = shape[1] * shape[2];
  const outputSlice = target[1] * target[2];
  const [low, high] = separate ? [-Infinity, Infinity] : extrema(data, 0, data.length);
  if (target[0] <= shape[0] && !separate) {
    const inPlane = shape[1] !== target[1] || shape[2] !== target[2];
    const shrunk = !inPlane ? out : overwriteInput ? data : new Float32Array(target[0] * inputSlice);
    resamplePanel(data, 0, shrunk, 0, inputSlice, z, scratch, inPlane ? undefined : low, inPlane ? undefined : high);
    if (inPlane) for (let j = 0; j < target[0]; j++) plane(shrunk, j * inputSlice, out, j * outputSlice, low, high);
    return;
  }
  // Slices on their own are clipped before z, so they cannot go second; if z then shrinks they need room of their own.
  const slices = target[0] < shape[0] ? new Float32Array(shape[0] * outputSlice) : out;
  for (let k = 0; k < shape[0]; k++) {
    const range = separate && order === 3 ? extrema(data, k * inputSlice, (k + 1) * inputSlice) : [];
    plane(data, k * inputSlice, slices, k * outputSlice, ...range);
  }
  resamplePanel(slices, 0, out, 0, outputSlice, z, scratch, low, high);
}

export function extrema(data: Float32Array, first: number, end: number): [low: number, high: number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = first; i < end; i++) {
    const v = data[i]!;
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return [low, high];
}

export function checkShapes(
  shape: Shape3,
  target: Shape3,
  order: number,
  separateAxis: SeparateAxis | undefined,
): void {
  checkShape("shape", shape);
  checkShape("target", target);
  checkOrder("order", order);
  if (separateAxis) {
    checkOrder("separateAxis.order", separateAxis.order);
    if (![0, 1, 2].includes(separateAxis.axis)) {
      throw new InvalidArgumentError("separateAxis.axis", "0, 1 or 2", separateAxis.axis);
    }
  }
}

export function checkShape(name: string, shape: readonly number[]): void {
  if (shape.length !== 3 || !shape.every((n) => Number.isInteger(n) && n > 0)) {
    throw new InvalidArgumentError(name, "three positive integers [z, y, x]", [...shape]);
  }
}

export function checkOrder(name: string, order: number): void {
  if (order !== 0 && order !== 1 && order !== 3) {
    throw new InvalidArgumentError(name, "0 (nearest), 1 (linear) or 3 (cubic)", order);
  }
}
