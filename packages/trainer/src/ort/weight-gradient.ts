import { elementCount } from "@nnunet/core";
import type { OnnxGraph } from "@nnunet/unet-model";
import { type ConvolutionShape, isPointwise, outputSize } from "./convolution.ts";

/**
 * dW of a 1×1 convolution: one matrix product per sample, [co, voxels] × [voxels, ci].
 */
export function pointwiseWeightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  const { batch, inChannels: ci, outChannels: co } = shape;
  const voxels = elementCount(shape.size);
  const columns = onnx.node("Transpose", [onnx.node("Reshape", [x, onnx.integers([batch, ci, voxels])])], {
    perm: [0, 2, 1],
  });
  const rows = onnx.node("Reshape", [dy, onnx.integers([batch, co, voxels])]);
  return sumOverFirst(onnx, onnx.node("MatMul", [rows, columns]), [co, ci, ...shape.kernel]);
}

/**
 * dW by gathering the neighbourhoods: for every tap the rows x[voxel of the tap, ci] are picked into one matrix, then
 * [co, voxels] × [voxels, taps·ci]. Costs taps × the size of x, so it is for the small grids deep in the network.
 */
export function gatheredWeightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  const { batch, inChannels: ci, outChannels: co } = shape;
  const inVoxels = elementCount(shape.size);
  const outVoxels = elementCount(outputSize(shape));
  const taps = elementCount(shape.kernel);
  const voxelRows = onnx.node("Reshape", [
    onnx.node("Transpose", [onnx.node("Reshape", [x, onnx.integers([batch, ci, inVoxels])])], { perm: [0, 2, 1] }),
    onnx.integers([batch * inVoxels, ci]),
  ]);
  const padded = onnx.node("Pad", [voxelRows, onnx.integers([0, 0, 1, 0])]); // the last row is outside: zeros
  const table = neighbourTable(shape);
  const picked = onnx.node(
    "Gather",
    [padded, onnx.node("Reshape", [onnx.integers(table), onnx.integers([taps, batch * outVoxels])])],
    {
      axis: 0,
    },
  ); // [taps, batch·outVoxels, ci]
  const gradientRows = onnx.node("Reshape", [
    onnx.node("Transpose", [onnx.node("Reshape", [dy, onnx.integers([batch, co, outVoxels])])], { perm: [1, 0, 2] }),
    onnx.integers([1, co, batch * outVoxels]),
  ]);
  const product = onnx.node("MatMul", [gradientRows, picked]); // [taps, co, ci]
  const ordered = onnx.node("Transpose", [product], { perm: [1, 2, 0] });
  return onnx.node("Reshape", [ordered, onnx.integers([co, ci, ...shape.kernel])]);
}

/** For each tap, sample and output voxel: the row of the input voxel that it sees, or the row of zeros. */
function neighbourTable(shape: ConvolutionShape): number[] {
  const out = outputSize(shape);
  const inVoxels = elementCount(shape.size);
  const outside = shape.batch * inVoxels;
  const table: number[] = [];
  for (let tap = 0; tap < elementCount(shape.kernel); tap++) {
    for (let sample = 0; sample < shape.batch; sample++) {
      for (let voxel = 0; voxel < elementCount(out); voxel++) {
        let row = 0;
        let inside = true;
        let restTap = elementCount(shape.kernel);
        let restVoxel = elementCount(out);
        let t = tap;
        let v = voxel;
        for (const [axis, n] of shape.size.entries()) {
          restTap /= shape.kernel[axis]!;
          restVoxel /= out[axis]!;
          const i =
            Math.floor(v / restVoxel) * shape.stride[axis]! + Math.floor(t / restTap) - (shape.kernel[axis]! - 1) / 2;
          t %= restTap;
          v %= restVoxel;
          if (i < 0 || i >= n) inside = false;
          row = row * n + i;
        }
        table.push(inside ? sample * inVoxels + row : outside);
      }
    }
  }
  return table;
}

/**
 * dW as one grouped convolution: every plane (sample, z) of x is a group; the planes of dy that meet it, one per depth
 * tap, are its kernels; the positions of the kernel in the padded plane are the in-plane taps. The im2col inside the
 * runtime's convolution then stays in cache. Sums over the groups at the end.
 */
export function planeWeightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  const flat = shape.size.length === 2;
  const volume: ConvolutionShape = flat
    ? { ...shape, size: [1, ...shape.size], kernel: [1, ...shape.kernel], stride: [1, ...shape.stride] }
    : shape;
  const { batch, inChannels: ci, outChannels: co } = volume;
  const [depth, height, width] = volume.size as [number, number, number];
  const [kd, kh, kw] = volume.kernel as [number, number, number];
  const [sd, sh, sw] = volume.stride as [number, number, number];
  const [d, h, w] = outputSize(volume) as [number, number, number];
  const planes = batch * depth;

  const byPlane = onnx.node(
    "Transpose",
    [onnx.node("Reshape", [x, onnx.integers([batch, ci, depth, height * width])])],
    { perm: [0, 2, 1, 3] },
  );
  const image = onnx.node("Reshape", [byPlane, onnx.integers([1, planes, ci, height, width])]);

  // planes of dy, and one plane of zeros for the depth taps that reach outside
  const dyPlanes = onnx.node("Reshape", [
    onnx.node("Transpose", [onnx.node("Reshape", [dy, onnx.integers([batch, co, d, h * w])])], { perm: [0, 2, 1, 3] }),
    onnx.integers([batch * d, co * h * w]),
  ]);
  let kernels = dyPlanes;
  if (kd > 1 || sd > 1) {
    const padded = onnx.node("Pad", [dyPlanes, onnx.integers([0, 0, 1, 0])]);
    const table: number[] = [];
    for (let sample = 0; sample < batch; sample++) {
      for (let z = 0; z < depth; z++) {
        for (let tap = 0; tap < kd; tap++) {
          const o = (z + (kd - 1) / 2 - tap) / sd;
          table.push(Number.isInteger(o) && o >= 0 && o < d ? sample * d + o : batch * d);
        }
      }
    }
    kernels = onnx.node("Gather", [padded, onnx.integers(table)], { axis: 0 });
  }
  const stacked = onnx.node("Reshape", [kernels, onnx.integers([planes * kd * co, 1, 1, h, w])]);

  const padStart = [(kh - 1) / 2, (kw - 1) / 2];
  const padEnd = [kh + sh * (h - 1) - height - padStart[0]!, kw + sw * (w - 1) - width - padStart[1]!];
  // a 1-wide kernel with stride 2 sees fewer voxels than there are: it makes surplus positions, cut off below
  const surplus = padEnd.map((p) => Math.max(0, -p));
  const positions = [kh + surplus[0]!, kw + surplus[1]!];
  let product = onnx.node("Conv", [image, stacked], {
    group: planes,
    kernel_shape: [1, h, w],
    dilations: [1, sh, sw],
    pads: [0, ...padStart, 0, ...padEnd.map((p) => Math.max(0, p))],
  }); // [1, planes·kd·co, ci, kh, kw]
  product = onnx.node("Reshape", [product, onnx.integers([planes, kd, co, ci, positions[0]!, positions[1]!])]);
  if (surplus.some((s) => s > 0)) {
    product = onnx.node("Slice", [product, onnx.integers([0, 0]), onnx.integers([kh, kw]), onnx.integers([4, 5])]);
  }
  const summed = onnx.node("ReduceSum", [product, onnx.integers([0])], { keepdims: 0 }); // [kd, co, ci, kh, kw]
  const ordered = kd > 1 ? onnx.node("Transpose", [summed], { perm: [1, 2, 0, 3, 4] }) : summed;
  return onnx.node("Reshape", [ordered, onnx.integers([co, ci, ...shape.kernel])]);
}

/**
 * dW (stride 1) as one matrix product of shifted copies. With one zero after each row, plane and volume, a tap is a
 * shift of the flat volume: dW[t] = Σ dy[g] · x[g + offset(t)]. The shifts along x go to copies of x, those along the
 * other axes to copies of dy, so 9 + 3 copies make all 27 taps: [9·co, voxels] × [3·ci, voxels]ᵀ.
 *
 * The copies cost memory, and the plane form catches up as channels grow, so this is for few channels.
 */
export function shiftedWeightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  const { batch, inChannels: ci, outChannels: co, size, kernel } = shape;
  const axes = size.length;
  const padded = size.map((n) => n + 1);
  const length = elementCount(padded);
  const pitch = padded.map((_, axis) => elementCount(padded.slice(axis + 1)));
  const reach = kernel.map((k, axis) => Array.from({ length: k }, (_, t) => (t - (k - 1) / 2) * pitch[axis]!));
  const alongX = reach[axes - 1]!;
  const alongOthers = reach
    .slice(0, -1)
    .reduce<number[]>((sums, steps) => sums.flatMap((sum) => steps.map((step) => sum + step)), [0]);

  const shiftedCopies = (tensor: string, channels: number, shifts: readonly number[]): string => {
    const margin = Math.max(...shifts.map(Math.abs));
    const ends = onnx.integers([...new Array(2 + axes + 2).fill(0), ...size.map(() => 1)]);
    const flat = onnx.node("Reshape", [onnx.node("Pad", [tensor, ends]), onnx.integers([batch, channels, length])]);
    const wide = onnx.node("Pad", [flat, onnx.integers([0, 0, margin, 0, 0, margin])]);
    const copies = shifts.map((shift) =>
      onnx.node("Slice", [
        wide,
        onnx.integers([margin + shift]),
        onnx.integers([margin + shift + length]),
        onnx.integers([2]),
      ]),
    );
    return onnx.node("Concat", copies, { axis: 1 });
  };
  const rows = shiftedCopies(
    dy,
    co,
    alongOthers.map((s) => -s),
  );
  const columns = shiftedCopies(x, ci, alongX);
  const product = onnx.node("MatMul", [rows, onnx.node("Transpose", [columns], { perm: [0, 2, 1] })]);
  const summed = onnx.node("ReduceSum", [product, onnx.integers([0])], { keepdims: 0 });
  const apart = onnx.node("Reshape", [summed, onnx.integers([alongOthers.length, co, alongX.length, ci])]);
  const ordered = onnx.node("Transpose", [apart], { perm: [1, 3, 0, 2] });
  return onnx.node("Reshape", [ordered, onnx.integers([co, ci, ...kernel])]);
}

/** The cheapest of the four for a layer (measured: bench/weight-gradient.bench.mjs). */
export function weightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  if (isPointwise(shape)) return pointwiseWeightGradient(onnx, shape, x, dy);
  const voxels = shape.batch * elementCount(outputSize(shape));
  if (voxels <= gatherLimit) return gatheredWeightGradient(onnx, shape, x, dy);
  if (shape.stride.every((s) => s === 1) && shape.outChannels <= shiftLimit && shape.inChannels >= shiftFloor)
    return shiftedWeightGradient(onnx, shape, x, dy);
  return planeWeightGradient(onnx, shape, x, dy);
}

const gatherLimit = 4096;
const shiftLimit = 16;
/** Under it the plane form unfolds so little that it wins. */
const shiftFloor = 8;

function sumOverFirst(onnx: OnnxGraph, product: string, shape: readonly number[]): string {
  const summed = onnx.node("ReduceSum", [product, onnx.integers([0])], { keepdims: 0 });
  return onnx.node("Reshape", [summed, onnx.integers(shape)]);
}
