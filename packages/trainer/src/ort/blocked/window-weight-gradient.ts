import { type BlockedTensor, type OnnxGraph, pitch } from "@nnunet/unet-model";
import type { ConvolutionShape } from "../convolution.ts";
import { reshapedOnce } from "../execution-order.ts";
import { type BlockedRows, gatherPictures, gatherRows, type Line, lineOf, rowsOfBlock } from "./window-pictures.ts";
import { kernelOf, summedProducts } from "./window-products.ts";

/** Voxels of a window: longer ones are no faster, and shorter ones make more products that are to be summed. */
const VOXELS = 2000;

/** Of all windows of one operator. Larger ones had the arena take one and a half times the memory. */
const BYTES = 80e6;

/**
 * dW of a convolution with stride 1 by the blocked convolution of pictures of one channel: dy is the window, as it lies
 * in memory, and x the picture, with its channels the fastest axis of a row. The window's columns are as many values apart
 * as x has channels; so the places that it takes are the taps and channels of the kernel, and nothing is unfolded.
 *
 * The rows of all samples are cut into groups of equal length, each with a picture and a window of its own, whose products
 * are summed at the end. The planes of dy that meet a row of x are further windows on it.
 *
 * @param x - with zeros between its planes, as dy
 * @param bytes - that the windows of one operator may have
 * @returns [co, ci, kd, kh, kw]
 */
export function windowWeightGradient(
  onnx: OnnxGraph,
  block: number,
  { batch, inChannels: ci, outChannels: co, size, kernel }: ConvolutionShape,
  x: string,
  dy: string,
  bytes = BYTES,
): string {
  const volume = size as BlockedTensor["size"];
  const [kd, kh, kw] = kernel as [number, number, number];
  const inSample = volume[0] * pitch(volume);
  const width = volume[2];
  const { groups, rows } = groupsOf(batch * inSample, width, block);
  const of: Record<"x" | "dy", BlockedRows> = {
    x: { batch, blocks: ci / block, size: volume },
    dy: { batch, blocks: co / block, size: volume },
  };
  const atOnce = groupsAtOnce(groups, bytes / (kd * co * rows * width * 4), block);
  const shape = { rows, width, kernel: [kh, kw] as const, wide: ci, results: kd * co };
  let summed: string | undefined;
  for (let first = 0; first < groups; first += atOnce) {
    const some = Array.from({ length: Math.min(atOnce, groups - first) }, (_, i) => first + i);
    const [pictures, windows] = [picturesOf(some, summed ?? dy), windowsOf(some, summed)];
    const product = summedProducts(onnx, { ...shape, groups: some.length }, pictures, windows);
    summed = summed === undefined ? product : onnx.node("Add", [summed, product]);
  }
  // [kd, co/b, kh·kw, ci, b]
  const taps = kh * kw;
  return kernelOf(onnx, block, [co, ci, kd, kh, kw], summed!, (c, channel, z, tap) => {
    return ((z * of.dy.blocks + c) * taps + tap) * ci + channel;
  });

  /** @param row - of all samples */
  function line(tensor: BlockedRows, row: number, away = 0): Line {
    const sample = Math.floor(row / inSample);
    return lineOf(tensor, sample, row - sample * inSample + away);
  }

  function windowsOf(some: readonly number[], after: string | undefined): string {
    const picked = some.flatMap((group) =>
      Array.from({ length: kd }, (_, tap) => {
        const away = ((kd - 1) / 2 - tap) * pitch(volume);
        const lines = Array.from({ length: rows }, (_, i) => line(of.dy, group * rows + i, away));
        return Array.from({ length: of.dy.blocks }, (_, c) => rowsOfBlock(of.dy, lines, c)).flat();
      }).flat(),
    );
    const seen = [-1, width * block];
    // parts of the input that share dy share its windows, where nothing ties them to an order
    const dyRows =
      after === undefined ? onnx.node("Reshape", [dy, onnx.integers(seen)]) : reshapedOnce(onnx, dy, seen, after);
    return gatherRows(onnx, dyRows, picked);
  }

  function picturesOf(some: readonly number[], after: string): string {
    const above = (kh - 1) / 2;
    const lines = some.flatMap((group) =>
      Array.from({ length: rows + 2 * above }, (_, i) => line(of.x, group * rows + i - above)),
    );
    return gatherPictures(onnx, block, x, of.x, lines, (kw - 1) / 2, after);
  }
}

/** How many groups, and rows of each; together at least all rows. The operator takes few channels or whole blocks of them. */
function groupsOf(rows: number, width: number, block: number): { readonly groups: number; readonly rows: number } {
  const wanted = (rows * width) / VOXELS;
  const groups = wanted < block ? Math.max(1, Math.round(wanted)) : block * Math.round(wanted / block);
  return { groups, rows: Math.ceil(rows / groups) };
}

/** All, or so many that no more than `most` windows are made at once. */
function groupsAtOnce(groups: number, most: number, block: number): number {
  return groups <= most ? groups : Math.max(block, block * Math.floor(most / block));
}
