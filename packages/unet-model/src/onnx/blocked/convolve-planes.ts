import type { OnnxAttribute, OnnxGraph } from "../onnx-graph.ts";
import { chooseRows, nchwc, type PlaneSize, pitch, sizeAfter, volumeSize } from "./blocked-tensor.ts";

/** How a kernel lies on the planes of a {@link BlockedTensor}. */
export interface PlaneWindow {
  /** Extents, [z, y, x]. */
  readonly window: PlaneSize;
  /** Planes, rows and columns that it reaches before the voxel it belongs to, [z, y, x]. */
  readonly before: PlaneSize;
  /** 1 or 2 along each axis, [z, y, x]. */
  readonly stride: PlaneSize;
}

/** The windows that one blocked operator each can take, and the taps of each, [z, y, x], in the order of its weights. */
export function kernelsOf({ window, before }: PlaneWindow, size: PlaneSize): readonly (readonly PlaneSize[])[] {
  const [wz, wy, wx] = window;
  // Of a single plane only that part of the kernel ever meets a voxel.
  const planes = size[0] === 1 ? [before[0]] : range(wz);
  const rowsOf = (rows: readonly number[]) =>
    planes.flatMap((z) => rows.flatMap((y) => range(wx).map((x) => [z, y, x] as const)));
  return planes.length === 1 ? [rowsOf(range(wy))] : range(wy).map((y) => rowsOf([y]));
}

/** Extents of the window of {@link kernelsOf} in the picture. */
export function kernelShape({ window: [wz, wy, wx] }: PlaneWindow, size: PlaneSize): readonly [number, number] {
  return size[0] === 1 || wz === 1 ? [wy, wx] : [wz, wx];
}

/** How the kernel of a convolution lies on the planes of its input. */
export function windowOf(kernel: readonly number[], stride: readonly number[]): PlaneWindow {
  const window = volumeSize(kernel);
  return { window, before: window.map((k) => (k - 1) / 2) as unknown as PlaneSize, stride: volumeSize(stride) };
}

export interface ConvolvedPlanes {
  /** [sample, channel, planes · rows, x] */
  readonly name: string;
  readonly size: PlaneSize;
  /** From a plane to the next. */
  readonly rows: number;
  /** In each plane, what comes before its own rows. */
  readonly shift: number;
}

/**
 * A 3D convolution as 2D ones on the picture of all planes: a tap (z, y, x) is a shift by z planes and y rows; for a fixed
 * y the taps along z form a kernel whose rows are one plane apart, a dilation. So there is one 2D convolution per y, each
 * adding to the last.
 *
 * A stride of 2 along z and y is one of 2 along the rows of the picture: from a pair of planes come the rows that are
 * wanted, then as many that are not. One along y alone is computed in full and thinned out.
 *
 * @param x - clean, with zeros between its planes, or not blocked, of fewer channels than a block
 * @param kernels - weights of {@link kernelsOf}
 * @param onto - a bias [channel], or the result of another part of the input
 * @returns rows between the planes hold anything
 */
export function convolvePlanes(
  onnx: OnnxGraph,
  x: { readonly name: string; readonly size: PlaneSize },
  lies: PlaneWindow,
  kernels: readonly string[],
  onto: { readonly bias?: string | undefined; readonly sum?: string | undefined },
): ConvolvedPlanes {
  const { size } = x;
  const [wz, wy, wx] = lies.window;
  const [bz, by, bx] = lies.before;
  const [sz, sy, sx] = lies.stride;
  const rows = pitch(size);
  const flat = size[0] === 1 || wz === 1;
  // A window that starts at the voxel itself would need a negative pad; its result lies one row lower instead.
  const shift = flat ? 0 : Math.max(0, wy - 1 - by - bz * rows);
  const along = size[0] === 1 ? sy : sz === 2 && sy === 2 ? 2 : 1;
  let { sum } = onto;
  for (const [y, kernel] of kernels.entries()) {
    const above = flat ? by : bz * rows + by - y + shift;
    const span = flat ? wy - 1 : (wz - 1) * rows;
    const attributes: Record<string, OnnxAttribute> = {
      kernel_shape: [...kernelShape(lies, size)],
      dilations: [flat ? 1 : rows, 1],
      strides: [along, sx],
      pads: [above, bx, span - above, wx - 1 - bx],
      group: 1,
    };
    const bias = onto.bias === undefined ? [] : [onto.bias];
    const inputs = sum === undefined ? [x.name, kernel, ...bias] : [x.name, kernel, "", sum];
    sum = onnx.node("Conv", inputs, attributes, undefined, nchwc);
  }
  return { name: sum!, size, rows, shift };
}

/** Of a convolution with strides, the rows that are wanted, as a picture of its own; rows between the planes hold anything. */
export function wantedRows(
  onnx: OnnxGraph,
  block: number,
  { name, size, rows }: ConvolvedPlanes,
  { stride }: PlaneWindow,
  of: { readonly batch: number; readonly channels: number },
): { readonly name: string; readonly size: PlaneSize } {
  const [sz, sy] = stride;
  const after = sizeAfter(size, stride);
  if (size[0] === 1 || (sz === 1 && sy === 1)) return { name, size: after };
  // In pairs of planes that were gone through two rows at a time the wanted rows come first.
  const paired = sz === 2 && sy === 2;
  const planes = paired ? size[0] / 2 : size[0];
  const step: [number, number] = paired ? [1, 1] : [sz, sy];
  const choice = { planes, from: rows, step, rows: pitch(after) };
  return { name: chooseRows(onnx, block, name, { ...of, size: after }, choice), size: after };
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
