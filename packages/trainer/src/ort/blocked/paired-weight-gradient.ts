import { kernelsMade, nchwc, type OnnxGraph, type PlaneSize, pairMade, pitch, planesMet } from "@nnunet/unet-model";
import type { ConvolutionShape } from "../convolution.ts";
import { reshapedOnce } from "../execution-order.ts";
import { type BlockedRows, gatherPictures, gatherRows, type Line, lineOf, rowsOfBlock } from "./window-pictures.ts";
import { kernelOf, summedProducts } from "./window-products.ts";

/** How planes are cut for {@link pairedWeightGradient}. */
export interface Strips {
  /** Of a plane. */
  readonly strips: number;
  /** Of a strip. */
  readonly rows: number;
}

/** Of dy: a window of one block has too few sums under way at once to gain by fewer multiplications. */
const FEWEST_CHANNELS = 32;

/** Voxels of a strip: of fewer the products that are to be summed cost more than they save, of more they are no faster. */
const [FEWEST, MOST] = [100, 3000];

/**
 * The fewest strips with which all pairs of planes are what the operator takes, few groups or whole blocks of them, almost
 * without rows that belong to none; undefined where there are none such, or the convolution is another one.
 */
export function stripsOf({ batch, outChannels, size, kernel }: ConvolutionShape, block: number): Strips | undefined {
  const [planes, height, width] = size as PlaneSize;
  if (outChannels < FEWEST_CHANNELS) return undefined;
  if (planes % 2 !== 0 || kernel.some((extent) => extent !== 3)) return undefined;
  for (let strips = 1; strips <= height; strips++) {
    const groups = (batch * strips * planes) / 2;
    const rows = Math.ceil(height / strips);
    const isWhole = (groups < block || groups % block === 0) && strips * rows <= 1.05 * height;
    if (isWhole && rows * width >= FEWEST && rows * width <= MOST) return { strips, rows };
  }
  return undefined;
}

/**
 * `windowWeightGradient` by Winograd's F(2, 3) along the planes: a pair of planes of dy meets four of x in four products
 * instead of six. The sums and differences of planes are a convolution of every channel by itself, to which a strip of a
 * plane is one row; so pictures and windows lie plane beside plane. Three planes of dy need no longer be copied.
 *
 * @param x - with zeros between its planes, whose number is even, as dy
 * @returns [co, ci, 3, 3, 3]
 */
export function pairedWeightGradient(
  onnx: OnnxGraph,
  block: number,
  { batch, inChannels: ci, outChannels: co, size }: ConvolutionShape,
  { strips, rows }: Strips,
  x: string,
  dy: string,
): string {
  const volume = size as PlaneSize;
  const [depth, height, width] = volume;
  const of: Record<"x" | "dy", BlockedRows> = {
    x: { batch, blocks: ci / block, size: volume },
    dy: { batch, blocks: co / block, size: volume },
  };
  const picked: number[] = [];
  const lines: Line[] = [];
  for (let sample = 0; sample < batch; sample++) {
    for (let first = 0; first < strips * rows; first += rows) {
      for (let z = 0; z < depth; z++) {
        const seen = (tensor: BlockedRows, beyond: number) =>
          Array.from({ length: rows + 2 * beyond }, (_, i) => {
            const row = first + i - beyond;
            return lineOf(tensor, row < 0 || row >= height ? -1 : sample, z * pitch(volume) + row);
          });
        lines.push(...seen(of.x, 1));
        const own = seen(of.dy, 0);
        for (let c = 0; c < of.dy.blocks; c++) picked.push(...rowsOfBlock(of.dy, own, c));
      }
    }
  }
  const windows = {
    name: gatherRows(onnx, onnx.node("Reshape", [dy, onnx.integers([-1, width * block])]), picked),
    length: of.dy.blocks * rows * width,
  };
  const pictures = {
    name: gatherPictures(onnx, block, x, of.x, lines, 1, dy),
    length: (rows + 2) * (width + 2) * of.x.blocks,
  };

  /** Of each pair of planes the sum of two: `places` 1 and 2 are its own, 0 and 3 those beside it. */
  function summed(
    { name, length }: { readonly name: string; readonly length: number },
    places: readonly [number, number],
    taps: readonly [number, number],
    after: string,
  ): string {
    const asRows = reshapedOnce(onnx, name, [batch * strips, block, depth, length], after);
    const kernel = onnx.floats(
      taps.flatMap((tap) => new Array<number>(block).fill(tap)),
      [block, 1, 2, 1],
    );
    const [first, second] = places;
    const pads = [Math.max(0, 1 - first), 0, Math.max(0, second - 2), 0];
    const shape = { kernel_shape: [2, 1], dilations: [second - first, 1], strides: [2, 1], pads, group: block };
    return onnx.node("Conv", [asRows, kernel], shape, undefined, nchwc);
  }

  const shape = { groups: (batch * strips * depth) / 2, rows, width, kernel: [3, 3] as const, wide: ci, results: co };
  const products: string[] = [];
  for (const [product, taken] of planesMet.entries()) {
    const places = taken.flatMap((value: number, place: number) => (value === 0 ? [] : [place])) as [number, number];
    const after = products.at(-1) ?? dy; // one after the other, as each needs half of x and dy again
    const picture = summed(pictures, places, places.map((place) => taken[place]!) as [number, number], after);
    const window = summed(windows, [1, 2], pairMade.map((row) => row[product]!) as [number, number], after);
    products.push(summedProducts(onnx, shape, picture, window)); // [1, co/b · 9 · ci · b]
  }
  const transposed = onnx.floats(
    kernelsMade[0].flatMap((_, z) => kernelsMade.map((row) => row[z]!)),
    [3, 4],
  );
  const planes = onnx.node("MatMul", [transposed, onnx.node("Concat", products, { axis: 0 })]);
  return kernelOf(onnx, block, [co, ci, 3, 3, 3], planes, (c, channel, z, tap) => {
    return ((z * of.dy.blocks + c) * 9 + tap) * ci + channel;
  });
}
