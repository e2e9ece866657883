import { elementCount } from "@nnunet/core";
import { nchwc, OnnxGraph, volumeSize } from "@nnunet/unet-model";
import type { ConvolutionLowering, ConvolutionShape } from "./convolution.ts";
import { standardLowering } from "./standard-lowering.ts";
import { type PhasedKernel, phasedKernel } from "./input-gradient.ts";
import { type ChannelsLast, transposedChannels, weightGradient } from "./weight-gradient.ts";
import { blockedWeaving, plain, transposedWeaving, weaveBlocks } from "./weaving.ts";

/**
 * Convolutions through onnxruntime's channel-blocked ("NCHWc") kernels on the CPU.
 *
 * The runtime's ordinary convolution unfolds the image and multiplies matrices; its blocked one works directly on the
 * image and is about 1.5 times faster, but is only used by the runtime itself for 2D convolutions with constant
 * weights. Its operators can be named in a graph, though, so we lay out weights and images ourselves and write a 3D
 * convolution as 2D ones:
 *
 * The volume [n, c, d, h, w] gets one row of zeros after each plane and is seen as an image of d·(h + 1) rows. A tap
 * (kd, kh, kw) then is a shift by kd·(h + 1) + kh rows and kw columns: for a fixed kh, the taps kd form a kernel whose
 * rows are h + 1 apart, a dilation. So there is one 2D convolution per kh, each adding to the last.
 *
 * Layers that do not fit (channels not a multiple of the block, stride above 1) take the standard lowering.
 */
export function blockedLowering(block: number): ConvolutionLowering {
  return {
    forward(onnx, parts, bias) {
      if (!parts.every(({ shape }) => fits(shape, block))) return standardLowering.forward(onnx, parts, bias);
      let sum: BlockedPlanes | undefined;
      for (const { shape, x, w } of parts) {
        const { inChannels, outChannels, batch, size, kernel } = shape;
        const pad = kernel.map((k) => (k - 1) / 2);
        const taps = Array.from({ length: elementCount(kernel) }, (_, t) => t);
        const window: PhasedKernel = { phases: 1, window: kernel, padStart: pad, padEnd: pad, taps };
        const source: BlockedWeights = { w, taps: elementCount(kernel), swap: false, inChannels, outChannels };
        const layer = { batch, size, window, inChannels, outChannels };
        sum = blockedConvolution(onnx, block, layer, x, source, sum ?? bias);
      }
      return plainPlanes(onnx, parts[0]!.shape, sum!);
    },
    inputGradient(onnx, shape, dy, w) {
      if (!fitsGradient(shape, block)) return standardLowering.inputGradient(onnx, shape, dy, w);
      const window = phasedKernel(shape);
      const out = shape.size.map((n, axis) => n / shape.stride[axis]!);
      const source: BlockedWeights = {
        w,
        taps: elementCount(shape.kernel),
        swap: true,
        inChannels: shape.inChannels,
        outChannels: shape.outChannels,
      };
      const layer = {
        batch: shape.batch,
        size: out,
        window,
        inChannels: shape.outChannels,
        outChannels: window.phases * shape.inChannels,
      };
      const sum = blockedConvolution(onnx, block, layer, dy, source, undefined);
      if (window.phases === 1) return plainPlanes(onnx, layer, sum);
      const grid = { batch: shape.batch, channels: shape.inChannels, size: out, stride: shape.stride };
      const woven = weaveBlocks(onnx, block, grid, sum, sum.blocked);
      return plain(onnx, shape.inChannels, woven, [shape.batch, shape.inChannels, ...shape.size]);
    },
    weightGradient: (onnx, shape, x, dy) => weightGradient(onnx, shape, x, dy, blockedChannels(block)),
    weaving: (grid) =>
      grid.channels % block === 0 && grid.batch * elementCount(grid.size) * elementCount(grid.stride) >= fewestVoxels
        ? blockedWeaving(block)
        : transposedWeaving,
  };
}

/** A single block has its channels as the last axis: laying it out is parallel, which a transposition is not. */
function blockedChannels(block: number): ChannelsLast {
  return (onnx, shape, x) => {
    const { batch, inChannels, size } = shape;
    if (inChannels !== block) return transposedChannels(onnx, shape, x);
    const width = size.at(-1)!;
    const image = onnx.node("Reshape", [x, onnx.integers([batch, block, elementCount(size) / width, width])]);
    return onnx.node("ReorderInput", [image], {}, undefined, nchwc);
  };
}

/** Below this many voxels laying out the weights costs more than the faster kernel saves. */
const fewestVoxels = 2000;

function fits(shape: ConvolutionShape, block: number): boolean {
  return shape.stride.every((s) => s === 1) && fitsGradient(shape, block);
}

function fitsGradient(shape: ConvolutionShape, block: number): boolean {
  const voxels = shape.size.reduce((product, n, axis) => product * (n / shape.stride[axis]!), shape.batch);
  return (
    shape.inChannels % block === 0 &&
    shape.outChannels % block === 0 &&
    shape.kernel.some((k) => k > 1) &&
    // one row of zeros parts the planes: taps may reach one row beyond
    shape.kernel.every((k) => k <= 3) &&
    voxels >= fewestVoxels
  );
}

interface BlockedLayer {
  readonly batch: number;
  /** [(d,) h, w], of input and output alike. */
  readonly size: readonly number[];
  readonly window: PhasedKernel;
  readonly inChannels: number;
  readonly outChannels: number;
}

/** A result in blocked layout, [n, outChannels, d·rows, w]: each plane's voxels begin after `shift` of its rows. */
interface BlockedPlanes {
  readonly blocked: string;
  readonly rows: number;
  readonly shift: number;
}

interface BlockedWeights {
  /** [outChannels, inChannels, …taps] of the layer as the network has it. */
  readonly w: string;
  readonly taps: number;
  /** For the input gradient: in and out change places. */
  readonly swap: boolean;
  readonly inChannels: number;
  readonly outChannels: number;
}

function blockedConvolution(
  onnx: OnnxGraph,
  block: number,
  layer: BlockedLayer,
  x: string,
  weights: BlockedWeights,
  onto: BlockedPlanes | string | undefined,
): BlockedPlanes {
  const { batch, inChannels, window } = layer;
  const flat = layer.size.length === 2;
  const [d, h, w] = volumeSize(layer.size);
  const [wd, wh, ww] = volumeSize(window.window);
  const [pd, ph, pw] = (flat ? [0, ...window.padStart] : window.padStart) as [number, number, number];
  const pwEnd = window.padEnd.at(-1)!;
  // one row of zeros between planes, where there are several and taps leave the row
  const rows = d > 1 && wh > 1 ? h + 1 : h;
  const padded = rows === h ? x : onnx.node("Pad", [x, onnx.integers([0, 0, 0, 0, 0, 0, 0, 0, 1, 0])]);
  const image = onnx.node("Reshape", [padded, onnx.integers([batch, inChannels, d * rows, w])]);
  const blocked = onnx.node("ReorderInput", [image], {}, undefined, nchwc);

  const kernels = blockedKernels(onnx, block, layer, weights, [wd, wh, ww]);
  // A window that starts at the voxel itself would need a negative pad; its result lies one row lower instead.
  const shift = wd > 1 ? Math.max(0, wh - 1 - ph - pd * rows) : 0;
  const bias = typeof onto === "string" ? [onto] : [];
  let sum = typeof onto === "string" ? undefined : onto?.blocked;
  for (const [kh, kernel] of kernels.entries()) {
    // reaches from pd·rows + (ph − kh) rows above to the rest below, so that the image keeps its height
    const top = wd > 1 ? pd * rows + ph - kh + shift : ph;
    const span = wd > 1 ? (wd - 1) * rows : wh - 1;
    sum = onnx.node(
      "Conv",
      sum === undefined ? [blocked, kernel, ...bias] : [blocked, kernel, "", sum],
      {
        kernel_shape: wd > 1 ? [wd, ww] : [wh, ww],
        dilations: [wd > 1 ? rows : 1, 1],
        strides: [1, 1],
        pads: [top, pw, span - top, pwEnd],
        group: 1,
      },
      undefined,
      nchwc,
    );
  }
  return { blocked: sum!, rows, shift };
}

/** The planes of a blocked result as a plain tensor [n, outChannels, …size]. */
function plainPlanes(
  onnx: OnnxGraph,
  layer: Pick<BlockedLayer, "batch" | "outChannels" | "size">,
  { blocked, rows, shift }: BlockedPlanes,
): string {
  const { batch, outChannels } = layer;
  const [d, h, w] = volumeSize(layer.size);
  if (rows === h) return plain(onnx, outChannels, blocked, [batch, outChannels, ...layer.size]);
  const apart = plain(onnx, outChannels, blocked, [batch, outChannels, d, rows, w]);
  return onnx.node("Slice", [apart, onnx.integers([shift]), onnx.integers([shift + h]), onnx.integers([3])]);
}

/**
 * The kernels in the blocked layout [out / b, in / b, rows, columns, b in, b out] (as ONNX shape [out, in, rows,
 * columns]): one per kh with rows = kd for volumes, a single one with rows = kh where the window is flat. Phases lie
 * within the blocks of the output channels, as weaveBlocks wants them.
 */
function blockedKernels(
  onnx: OnnxGraph,
  block: number,
  layer: BlockedLayer,
  weights: BlockedWeights,
  window: [number, number, number],
): string[] {
  const [wd, wh, ww] = window;
  const { inChannels: ci, outChannels: co, taps } = weights;
  const table = layer.window.taps;
  const identity = table.length === taps && table.every((t, i) => t === i);
  let picked = onnx.node("Reshape", [weights.w, onnx.integers([co, ci, taps])]);
  if (!identity) {
    if (table.includes(-1)) picked = onnx.node("Pad", [picked, onnx.integers([0, 0, 0, 0, 0, 1])]);
    picked = onnx.node("Gather", [picked, onnx.integers(table.map((t) => (t < 0 ? taps : t)))], { axis: 2 });
  }
  const { phases } = layer.window;
  // [co/b, b, ci/b, b, phases, wd, wh, ww]
  const apart = onnx.node("Reshape", [
    picked,
    onnx.integers([co / block, block, ci / block, block, phases, wd, wh, ww]),
  ]);
  const [outBlock, outIn, inBlock, inIn] = weights.swap ? [2, 3, 0, 1] : [0, 1, 2, 3];
  const shape = [layer.outChannels, layer.inChannels];
  if (wd === 1) {
    const laid = onnx.node("Transpose", [apart], { perm: [outBlock!, 4, inBlock!, 5, 6, 7, inIn!, outIn!] });
    return [onnx.node("Reshape", [laid, onnx.integers([...shape, wh, ww])])];
  }
  const laid = onnx.node("Transpose", [apart], { perm: [6, outBlock!, 4, inBlock!, 5, 7, inIn!, outIn!] });
  const names = Array.from({ length: wh }, () => onnx.fresh("Split"));
  onnx.nodeWithOutputs("Split", [laid, onnx.integers(names.map(() => 1))], names, { axis: 0 });
  return names.map((name) => onnx.node("Reshape", [name, onnx.integers([...shape, wd, ww])]));
}

/** The layer that the probe computes both ways: x of {@link probeDims}.x, w of {@link probeDims}.w. */
const probeShape: ConvolutionShape = {
  batch: 1,
  inChannels: 32,
  outChannels: 32,
  size: [10, 20, 10],
  kernel: [3, 3, 3],
  stride: [1, 1, 1],
};
export const probeDims = {
  x: [probeShape.batch, probeShape.inChannels, ...probeShape.size],
  w: [probeShape.outChannels, probeShape.inChannels, ...probeShape.kernel],
};

/**
 * A graph that tells whether this machine's onnxruntime has blocked kernels of a given block size: "blocked" equals
 * "plain" if, and only if, it has.
 */
export function blockProbeModel(block: number): Uint8Array {
  const onnx = new OnnxGraph("block-probe");
  const x = onnx.input("x", "float32", probeDims.x);
  const w = onnx.input("w", "float32", probeDims.w);
  const out = [probeShape.batch, probeShape.outChannels, ...probeShape.size];
  for (const [name, lowering] of [
    ["plain", standardLowering],
    ["blocked", blockedLowering(block)],
  ] as const) {
    onnx.node("Identity", [lowering.forward(onnx, [{ shape: probeShape, x, w }], undefined)], {}, name);
    onnx.output(name, "float32", out);
  }
  return onnx.encode();
}
