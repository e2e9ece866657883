import { kernelShape, kernelsOf, nchwc, type OnnxGraph, type PlaneSize, type PlaneWindow } from "@nnunet/unet-model";

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
 *
 * First b channels of what comes out become the fastest axis, as in a feature; then such runs are gathered in the order that
 * is wanted. A transposition would move single values, on one thread.
 */
export function layKernels(
  onnx: OnnxGraph,
  block: number,
  weights: LaidWeights,
  lies: PlaneWindow,
  size: PlaneSize,
): readonly string[] {
  return layWindows(onnx, block, weights, lies.window, kernelsOf(lies, size), kernelShape(lies, size));
}

/** The same for a kernel of 3×3×3, a window within the plane for each of its planes. */
export function layPlanes(onnx: OnnxGraph, block: number, weights: LaidWeights): readonly [string, string, string] {
  const threes = [0, 1, 2];
  const windows = threes.map((z) => threes.flatMap((y) => threes.map((x) => [z, y, x] as const)));
  return layWindows(onnx, block, weights, [3, 3, 3], windows, [3, 3]) as unknown as [string, string, string];
}

/**
 * @param windows - for each the places of the kernel, [z, y, x], in the order that is wanted
 * @param shape - of a window in the picture
 */
function layWindows(
  onnx: OnnxGraph,
  block: number,
  { w, outChannels: co, inChannels: ci, taps, swap, phases, table }: LaidWeights,
  [, wy, wx]: PlaneSize,
  windows: readonly (readonly PlaneSize[])[],
  shape: readonly [number, number],
): readonly string[] {
  const [out, into] = swap ? [ci, co] : [co, ci];
  const apart = swap ? [co, ci, 1, taps] : [1, co, 1, ci * taps];
  const swapped = onnx.node("ReorderInput", [onnx.node("Reshape", [w, onnx.integers(apart)])], {}, undefined, nchwc);
  const count = (co * ci * taps) / block;
  let runs = onnx.node("Reshape", [swapped, onnx.integers([count, block])]);
  // one more run of zeros, for places that a phase does not use
  if (table.includes(-1)) runs = onnx.node("Pad", [runs, onnx.integers([0, 0, 1, 0])]);
  const inner = into < block ? 1 : block;
  const positions = table.length / phases;
  return windows.map((places) => {
    const chosen: number[] = [];
    for (let ob = 0; ob < out / block; ob++) {
      for (let phase = 0; phase < phases; phase++) {
        for (let ib = 0; ib < into; ib += inner) {
          for (const [z, y, x] of places) {
            const tap = table[phase * positions + (z * wy + y) * wx + x]!;
            for (let i = ib; i < ib + inner; i++) {
              if (tap < 0) chosen.push(count);
              else chosen.push(swap ? (i * (ci / block) + ob) * taps + tap : (ob * ci + i) * taps + tap);
            }
          }
        }
      }
    }
    const laid = onnx.node("Gather", [runs, onnx.int32s(chosen, [chosen.length])], { axis: 0 });
    return onnx.node("Reshape", [laid, onnx.integers([phases * out, into, ...shape])]);
  });
}
