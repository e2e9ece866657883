import { elementCount } from "@nnunet/core";
import type { OnnxGraph } from "../onnx-graph.ts";
import { type BlockedTensor, type PlaneSize, pitch, volumeSize } from "./blocked-tensor.ts";

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

/** Where the planes of the coarse side lie: rows from one to the next, and how many come before a plane's own. */
export interface CoarsePlanes {
  readonly rows: number;
  readonly shift: number;
  /** There are zeros between the planes. */
  readonly clean?: boolean;
}

/**
 * Interleaves the taps into space. In the blocked layout a voxel is one run of memory, and gathering runs is faster than
 * a transposition that moves single values (64³ voxels, two cores: about 2 times).
 *
 * @param coarse - blocked, [sample, channel / block · taps · block, planes · rows, x]
 * @returns rows between the planes are zeros if there were some, else anything
 */
export function wovenBlocks(
  onnx: OnnxGraph,
  block: number,
  grid: WovenGrid,
  { rows, shift, clean: between = false }: CoarsePlanes,
  coarse: string,
): BlockedTensor {
  const { batch, channels } = grid;
  const [depth, height, width] = volumeSize(grid.size);
  const [sz, sy, sx] = volumeSize(grid.stride);
  const size: PlaneSize = [depth * sz, height * sy, width * sx];
  const [D, , W] = size;
  const H = pitch(size);
  const picture = depth * rows * width;
  const place = { z: rows * width, y: width, x: 1 };
  const z = along(D, (i) => (i % sz) * sy * sx * picture + Math.floor(i / sz) * place.z);
  const clean = D === 1 || (between && rows > height);
  const last = clean ? height : height - 1; // what the row between two planes is made of
  const y = along(H, (i) => (i % sy) * sx * picture + (Math.min(Math.floor(i / sy), last) + shift) * place.y);
  const x = along(W, (i) => (i % sx) * picture + Math.floor(i / sx));
  const table = sumTable(onnx, [
    [z, [D, 1, 1]],
    [y, [1, H, 1]],
    [x, [1, 1, W]],
  ]);
  const picked = gatherRuns(onnx, coarse, [(batch * channels) / block, sz * sy * sx * picture, block], table);
  const name = onnx.node("Reshape", [picked, onnx.integers([batch, channels, D * H, W])]);
  return { name, batch, channels, size, clean };
}

/**
 * The way back of {@link wovenBlocks}, without a shift.
 *
 * @param fine - blocked, with rows between its planes
 * @returns rows between the planes hold anything
 */
export function separatedBlocks(onnx: OnnxGraph, block: number, grid: WovenGrid, fine: string): string {
  const { batch, channels } = grid;
  const coarse = volumeSize(grid.size);
  const stride = volumeSize(grid.stride);
  const size = coarse.map((n, axis) => n * stride[axis]!) as unknown as PlaneSize;
  const extents = [coarse[0], pitch(coarse), coarse[2]] as const;
  const steps = [pitch(size) * size[2], size[2], 1] as const;
  const terms = extents.map((n, axis) => {
    const s = stride[axis]!;
    const last = coarse[axis]! - 1; // the row between two planes: any
    const places = along(s * n, (i) => (Math.floor(i / n) + Math.min(i % n, last) * s) * steps[axis]!);
    const shape = new Array<number>(6).fill(1);
    shape[axis] = s;
    shape[3 + axis] = n;
    return [places, shape] as const;
  });
  const voxels = size[0] * pitch(size) * size[2];
  const picked = gatherRuns(onnx, fine, [(batch * channels) / block, voxels, block], sumTable(onnx, terms));
  const shape = [batch, channels * elementCount(stride), extents[0] * extents[1], extents[2]];
  return onnx.node("Reshape", [picked, onnx.integers(shape)]);
}

/** Picks runs of memory along the middle axis. */
export function gatherRuns(onnx: OnnxGraph, x: string, shape: readonly number[], table: string): string {
  return onnx.node("Gather", [onnx.node("Reshape", [x, onnx.integers(shape)]), table], { axis: 1 });
}

/** The sums of all combinations, flat: the graph holds the few terms, the runtime folds them when it loads. */
export function sumTable(onnx: OnnxGraph, terms: readonly (readonly [readonly number[], readonly number[]])[]): string {
  const sum = terms.map(([values, shape]) => onnx.int32s(values, shape)).reduce((a, b) => onnx.node("Add", [a, b]));
  return onnx.node("Reshape", [sum, onnx.integers([-1])]);
}

const along = (length: number, place: (i: number) => number) => Array.from({ length }, (_, i) => place(i));
