import { elementCount } from "@nnunet/core";
import { interleaveTaps, nchwc, type OnnxGraph, volumeSize } from "@nnunet/unet-model";

/**
 * A coarse grid and the fine one that its voxels and the taps of a stride make: tap t of voxel v lies at stride·v + t.
 */
export interface WovenGrid {
  readonly batch: number;
  readonly channels: number;
  /** Of the coarse grid, [(z,) y, x]. */
  readonly size: readonly number[];
  readonly stride: readonly number[];
}

/**
 * Between what a matrix product gives (for every coarse voxel the channels of all its taps) and the fine grid.
 *
 * Order of channels and taps on the coarse side: [channels / group, taps, group].
 */
export interface Weaving {
  readonly group: number;
  /** [n, channels·taps, …size] → [n, channels, …size·stride]. */
  weave(onnx: OnnxGraph, grid: WovenGrid, y: string): string;
  /** The way back. */
  separate(onnx: OnnxGraph, grid: WovenGrid, y: string): string;
}

/** By one transposition of all axes: right on every provider. */
export const transposedWeaving: Weaving = {
  group: 1,
  weave: (onnx, { channels, stride, size }, y) => interleaveTaps(onnx, y, channels, stride, size),
  separate(onnx, { batch, channels, size, stride }, y) {
    const fine = size.flatMap((n, axis) => [n, stride[axis]!]);
    const apart = onnx.node("Reshape", [y, onnx.integers([batch, channels, ...fine])]);
    const coarse = size.map((_, axis) => 2 + 2 * axis);
    const perm = [0, 1, ...coarse.map((axis) => axis + 1), ...coarse];
    const separated = onnx.node("Transpose", [apart], { perm });
    return onnx.node("Reshape", [separated, onnx.integers([batch, channels * elementCount(stride), ...size])]);
  },
};

/**
 * In the runtime's channel-blocked layout a voxel is one run of memory, and gathering runs is faster than a
 * transposition that moves single values (64³ voxels, two cores: about 2 times).
 */
export function blockedWeaving(block: number): Weaving {
  return {
    group: block,
    weave(onnx, grid, y) {
      const [depth, height, width] = volumeSize(grid.size);
      const taps = elementCount(grid.stride);
      const image = [grid.batch, grid.channels * taps, depth * height, width];
      const blocked = onnx.node(
        "ReorderInput",
        [onnx.node("Reshape", [y, onnx.integers(image)])],
        {},
        undefined,
        nchwc,
      );
      const woven = weaveBlocks(onnx, block, grid, { rows: height, shift: 0 }, blocked);
      return plain(onnx, grid.channels, woven, [grid.batch, grid.channels, ...fineSize(grid)]);
    },
    separate(onnx, grid, y) {
      const { batch, channels } = grid;
      const [depth, height, width] = volumeSize(fineSize(grid));
      const image = onnx.node("Reshape", [y, onnx.integers([batch, channels, depth * height, width])]);
      const blocked = onnx.node("ReorderInput", [image], {}, undefined, nchwc);
      const voxels = runs(onnx, block, batch * channels, depth * height * width, blocked);
      const picked = onnx.node("Gather", [voxels, separationTable(onnx, grid)], { axis: 1 });
      const taps = elementCount(grid.stride);
      const [d, h, w] = volumeSize(grid.size);
      const coarse = onnx.node("Reshape", [picked, onnx.integers([batch, channels * taps, d * h, w])]);
      return plain(onnx, channels * taps, coarse, [batch, channels * taps, ...grid.size]);
    },
  };
}

/**
 * Blocked [n, channels·taps, d·rows, w], where each plane's voxels begin after `shift` rows → blocked [n, channels,
 * D·H, W] of the fine grid.
 */
export function weaveBlocks(
  onnx: OnnxGraph,
  block: number,
  grid: WovenGrid,
  { rows, shift }: { readonly rows: number; readonly shift: number },
  blocked: string,
): string {
  const { batch, channels } = grid;
  const [depth, , width] = volumeSize(grid.size);
  const [sz, sy, sx] = volumeSize(grid.stride);
  const [D, H, W] = volumeSize(fineSize(grid));
  const coarse = depth * rows * width;
  const along = (length: number, place: (i: number) => number) => Array.from({ length }, (_, i) => place(i));
  const z = along(D, (i) => (i % sz) * sy * sx * coarse + Math.floor(i / sz) * rows * width);
  const y = along(H, (i) => (i % sy) * sx * coarse + (Math.floor(i / sy) + shift) * width);
  const x = along(W, (i) => (i % sx) * coarse + Math.floor(i / sx));
  const voxels = runs(onnx, block, batch * channels, sz * sy * sx * coarse, blocked);
  const table = sumTable(onnx, [
    [z, [D, 1, 1]],
    [y, [1, H, 1]],
    [x, [1, 1, W]],
  ]);
  const picked = onnx.node("Gather", [voxels, table], { axis: 1 });
  return onnx.node("Reshape", [picked, onnx.integers([batch, channels, D * H, W])]);
}

/** For each tap and coarse voxel, [taps · d · h · w]: the fine voxel. */
function separationTable(onnx: OnnxGraph, grid: WovenGrid): string {
  const coarse = volumeSize(grid.size);
  const stride = volumeSize(grid.stride);
  const [, H, W] = volumeSize(fineSize(grid));
  const pitch = [H * W, W, 1];
  return sumTable(
    onnx,
    coarse.map((n, axis) => {
      const s = stride[axis]!;
      const places = Array.from({ length: s * n }, (_, i) => (Math.floor(i / n) + (i % n) * s) * pitch[axis]!);
      const shape = new Array<number>(6).fill(1);
      shape[axis] = s;
      shape[3 + axis] = n;
      return [places, shape] as const;
    }),
  );
}

/** The sums of all combinations, flat: the graph holds the few terms, the runtime folds them when it loads. */
function sumTable(onnx: OnnxGraph, terms: readonly (readonly [number[], number[]])[]): string {
  const sum = terms.map(([values, shape]) => onnx.int32s(values, shape)).reduce((a, b) => onnx.node("Add", [a, b]));
  return onnx.node("Reshape", [sum, onnx.integers([-1])]);
}

/** A blocked image as what it is in memory: [images · channels / block, voxels, block]. */
function runs(onnx: OnnxGraph, block: number, channels: number, voxels: number, blocked: string): string {
  return onnx.node("Reshape", [blocked, onnx.integers([channels / block, voxels, block])]);
}

/** A blocked image out of its layout, as a tensor of this shape. */
export function plain(onnx: OnnxGraph, channels: number, blocked: string, shape: readonly number[]): string {
  return onnx.node("Reshape", [
    onnx.node("ReorderOutput", [blocked], { channels }, undefined, nchwc),
    onnx.integers(shape),
  ]);
}

const fineSize = ({ size, stride }: WovenGrid): number[] => size.map((n, axis) => n * stride[axis]!);
