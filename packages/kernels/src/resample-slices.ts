import type { Shape3 } from "@nnunet/core";
import { type AxisResampling, axisResampling } from "./resample-axis.ts";
import { checkShapes, extrema, resampleAlongSlices, type ResampleImageOptions } from "./resample-image.ts";
import { PanelScratch, resamplePanel } from "./resample-panel.ts";
import { planeResampler } from "./resample-plane.ts";

/** Fills the start of `out` with lines [y0, y1) of slice z of a volume. */
export type LineReader = (z: number, y0: number, y1: number, out: Float32Array) => void;

/** Numbers that lie somewhere, by their number: an array, or a file that spares memory. */
export interface NumberStore {
  /** Fills `values` with the numbers from `first` on. */
  read(values: Float32Array, first: number): void;
  write(values: Float32Array, first: number): void;
}

export interface ResampleSlicesOptions extends Pick<ResampleImageOptions, "order" | "separateAxis" | "simd"> {
  /** Bytes of the columns that are worked on at a time. */
  readonly panelBytes?: number;
}

/** Bytes of the columns that `resampleSlices` works on at a time, before and after. */
export const RESAMPLING_PANEL = 16e6;

/**
 * What `resampleImage` gives, bit by bit, of a volume that is never in memory as a whole: its slices come one at a time,
 * several times each, and those of the result go one at a time. Memory: a few slices, and along z, where the cubic
 * spline needs whole columns, the columns of some lines.
 *
 * @param read - the volume in another order of its axes: axis i of what is read is axis `axes[i]` of the volume
 * @param out - receives [z, y, x] of `target` from its first number on
 * @param scratch - gives room for a volume in between; needed for a cubic spline along z and for slices across y or x
 */
export function resampleSlices(
  read: (axes: readonly [number, number, number]) => LineReader,
  shape: Shape3,
  target: Shape3,
  options: ResampleSlicesOptions,
  out: NumberStore,
  scratch: () => NumberStore,
): void {
  const { order, separateAxis } = options;
  checkShapes(shape, target, order, separateAxis);
  const across = separateAxis?.axis ?? 0;
  if (across !== 0 && shape.some((n, axis) => n !== target[axis])) {
    const axes = across === 1 ? ([1, 0, 2] as const) : ([2, 0, 1] as const);
    const turned = (s: Shape3): Shape3 => [s[axes[0]]!, s[axes[1]]!, s[axes[2]]!];
    const first: typeof read = (own) => read(own.map((axis) => axes[axis]!) as [number, number, number]);
    const between = scratch();
    const upright = { ...options, separateAxis: { axis: 0, order: separateAxis!.order } };
    resampleSlices(first, turned(shape), turned(target), upright, between, scratch);
    turnBack(between, across, target, out);
    return;
  }
  const orderZ = separateAxis?.order ?? order;
  const lines = read([0, 1, 2]);
  if (orderZ === 3 && shape[0] !== target[0]) cubicAlongZ(lines, shape, target, options, out, scratch);
  else bySlices(lines, shape, target, options, out);
}

/** One slice after the other, where the order along z allows it. */
function bySlices(
  lines: LineReader,
  shape: Shape3,
  target: Shape3,
  options: ResampleSlicesOptions,
  out: NumberStore,
): void {
  const input = new Float32Array(shape[1] * shape[2]);
  const output = new Float32Array(target[1] * target[2]);
  const same = shape.every((n, axis) => n === target[axis]);
  if (same) {
    for (let z = 0; z < shape[0]; z++) {
      lines(z, 0, shape[1], input);
      out.write(input, z * input.length);
    }
    return;
  }
  const range = options.order === 3 && !options.separateAxis ? extremaOf(lines, shape, input) : undefined;
  const slice = (z: number) => {
    lines(z, 0, shape[1], input);
    return [input, 0] as const;
  };
  resampleAlongSlices(
    slice,
    shape,
    target,
    options,
    range,
    () => [output, 0],
    new PanelScratch(options.simd),
    (j) => out.write(output, j * output.length),
  );
}

/** Where z shrinks it goes first, else last, as `resampleImage` does it. */
function cubicAlongZ(
  lines: LineReader,
  shape: Shape3,
  target: Shape3,
  { order, separateAxis, simd, panelBytes = RESAMPLING_PANEL }: ResampleSlicesOptions,
  out: NumberStore,
  scratch: () => NumberStore,
): void {
  const kept = new PanelScratch(simd);
  const plane = planeResampler([shape[1], shape[2]], [target[1], target[2]], order, kept);
  const z = axisResampling(shape[0], target[0], 3);
  const input = new Float32Array(shape[1] * shape[2]);
  const output = new Float32Array(target[1] * target[2]);
  const [low, high] = separateAxis ? [-Infinity, Infinity] : extremaOf(lines, shape, input);
  if (target[0] <= shape[0] && !separateAxis) {
    const inPlane = shape[1] !== target[1] || shape[2] !== target[2];
    const shrunk = inPlane ? scratch() : out;
    const range = inPlane ? ([-Infinity, Infinity] as const) : ([low, high] as const);
    panels(lines, z, [shape[1], shape[2]], shrunk, kept, panelBytes, range);
    if (!inPlane) return;
    for (let j = 0; j < target[0]; j++) {
      shrunk.read(input, j * input.length);
      plane(input, 0, output, 0, low, high);
      out.write(output, j * output.length);
    }
    return;
  }
  const slices = scratch();
  for (let k = 0; k < shape[0]; k++) {
    lines(k, 0, shape[1], input);
    const range = separateAxis && order === 3 ? extrema(input, 0, input.length) : [];
    plane(input, 0, output, 0, ...range);
    slices.write(output, k * output.length);
  }
  const stored: LineReader = (k, y0, y1, to) =>
    slices.read(to.subarray(0, (y1 - y0) * target[2]), k * output.length + y0 * target[2]);
  panels(stored, z, [target[1], target[2]], out, kept, panelBytes, [low, high]);
}

/** Resamples along z, some lines of all slices at a time. */
function panels(
  lines: LineReader,
  z: AxisResampling,
  [height, width]: readonly [number, number],
  out: NumberStore,
  scratch: PanelScratch,
  panelBytes: number,
  [low, high]: readonly [number, number],
): void {
  const most = Math.max(1, Math.floor(panelBytes / (4 * width * Math.max(z.from, z.to))));
  for (let y0 = 0; y0 < height; y0 += most) {
    const y1 = Math.min(height, y0 + most);
    const length = (y1 - y0) * width;
    const before = new Float32Array(z.from * length);
    const after = new Float32Array(z.to * length);
    for (let k = 0; k < z.from; k++) lines(k, y0, y1, before.subarray(k * length, (k + 1) * length));
    resamplePanel(before, 0, after, 0, length, z, scratch, low, high);
    for (let j = 0; j < z.to; j++) {
      out.write(after.subarray(j * length, (j + 1) * length), (j * height + y0) * width);
    }
  }
}

/** From the order in which `resampleSlices` turned a volume to [z, y, x]. */
function turnBack(turned: NumberStore, across: number, [depth, height, width]: Shape3, out: NumberStore): void {
  const plane = new Float32Array(height * width);
  const column = new Float32Array(height);
  for (let z = 0; z < depth; z++) {
    if (across === 1) {
      for (let y = 0; y < height; y++) {
        turned.read(plane.subarray(y * width, (y + 1) * width), (y * depth + z) * width); // [y, z, x]
      }
    } else {
      for (let x = 0; x < width; x++) {
        turned.read(column, (x * depth + z) * height); // [x, z, y]
        for (let y = 0; y < height; y++) plane[y * width + x] = column[y]!;
      }
    }
    out.write(plane, z * plane.length);
  }
}

function extremaOf(lines: LineReader, shape: Shape3, slice: Float32Array): readonly [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (let z = 0; z < shape[0]; z++) {
    lines(z, 0, shape[1], slice);
    const [least, most] = extrema(slice, 0, slice.length);
    if (least < low) low = least;
    if (most > high) high = most;
  }
  return [low, high];
}

/** Numbers in an array. */
export function numbersInMemory(length: number): NumberStore & { readonly data: Float32Array } {
  const data = new Float32Array(length);
  return {
    data,
    read: (values, first) => values.set(data.subarray(first, first + values.length)),
    write: (values, first) => data.set(values, first),
  };
}
