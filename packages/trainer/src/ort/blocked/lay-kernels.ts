import { elementCount } from "@nnunet/core";
import { kernelShape, type OnnxGraph, type PlaneSize, type PlaneWindow } from "@nnunet/unet-model";

/** Weights of a layer, [out, in, taps…] as the network has them, and what a blocked convolution makes of them. */
export interface LaidWeights {
  readonly w: string;
  readonly outChannels: number;
  readonly inChannels: number;
  /** Of the network's kernel, all of them. */
  readonly taps: number;
  /** For the input gradient: in and out change places. */
  readonly swap: boolean;
  /** How many results each channel has: of an input gradient one for every place within a stride. */
  readonly phases: number;
  /** For each phase and place of the window, in C order: the tap, or −1 where there is none. */
  readonly table: readonly number[];
}

/**
 * The weights of `kernelsOf(lies, size)`, laid out as the blocked operators want them while the graph runs:
 * [out / b, phase, in / b, …window, in of b, out of b]; [out / b, in, …window, out of b] where the input has fewer
 * channels than a block.
 */
export function layKernels(
  onnx: OnnxGraph,
  block: number,
  weights: LaidWeights,
  lies: PlaneWindow,
  size: PlaneSize,
): readonly string[] {
  const { w, outChannels: co, inChannels: ci, taps, swap, phases } = weights;
  const [wz, wy, wx] = lies.window;
  // of a single plane only that part of the kernel ever meets a voxel
  const planes = size[0] === 1 ? 1 : wz;
  const table =
    planes === wz ? weights.table : weights.table.filter((_, i) => Math.floor(i / (wy * wx)) % wz === lies.before[0]);
  let picked = onnx.node("Reshape", [w, onnx.integers([co, ci, taps])]);
  if (table.length !== taps || table.some((tap, i) => tap !== i)) {
    // one more tap that is zero, for places that a phase does not use
    if (table.includes(-1)) picked = onnx.node("Pad", [picked, onnx.integers([0, 0, 0, 0, 0, 1])]);
    const chosen = onnx.integers(table.map((tap) => (tap < 0 ? taps : tap)));
    picked = onnx.node("Gather", [picked, chosen], { axis: 2 });
  }
  const split = (channels: number) => (channels < block ? [channels, 1] : [channels / block, block]);
  const apart = onnx.node("Reshape", [picked, onnx.integers([...split(co), ...split(ci), phases, planes, wy, wx])]);
  const [outBlock, outIn, inBlock, inIn] = swap ? ([2, 3, 0, 1] as const) : ([0, 1, 2, 3] as const);
  const shape = [phases * (swap ? ci : co), swap ? co : ci, ...kernelShape(lies, size)];
  if (planes === 1) {
    const laid = onnx.node("Transpose", [apart], { perm: [outBlock, 4, inBlock, 5, 6, 7, inIn, outIn] });
    return [onnx.node("Reshape", [laid, onnx.integers(shape)])];
  }
  const laid = onnx.node("Transpose", [apart], { perm: [6, outBlock, 4, inBlock, 5, 7, inIn, outIn] });
  const rows = onnx.node("Reshape", [laid, onnx.integers([wy, elementCount(shape)])]);
  if (wy === 1) return [onnx.node("Reshape", [rows, onnx.integers(shape)])];
  const names = Array.from({ length: wy }, () => onnx.fresh("Split"));
  onnx.nodeWithOutputs("Split", [rows, onnx.integers(names.map(() => 1))], names, { axis: 0 });
  return names.map((name) => onnx.node("Reshape", [name, onnx.integers(shape)]));
}
