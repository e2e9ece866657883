import { elementCount } from "@nnunet/core";
import type { OnnxGraph } from "@nnunet/unet-model";
import { type ConvolutionShape, isPointwise, outputSize } from "./convolution.ts";
import { unravel } from "./input-gradient.ts";

/**
 * dW of a 1×1 convolution: one matrix product per sample, [co, voxels] × [voxels, ci].
 */
export function pointwiseWeightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  const { batch, inChannels: ci, outChannels: co } = shape;
  const voxels = elementCount(shape.size);
  const columns = channelsBehind(onnx, [batch, ci, voxels], x);
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
    channelsBehind(onnx, [batch, ci, inVoxels], x),
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

/**
 * dW tap by tap: what the tap sees is cut out of the padded x, and one matrix product sums over the voxels. For graphics
 * processors: large products suit them, and onnxruntime's WebGPU has no convolution of volumes in groups.
 */
export function tapWeightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  if (isPointwise(shape)) return pointwiseWeightGradient(onnx, shape, x, dy);
  const { batch, inChannels: ci, outChannels: co, kernel, stride } = shape;
  const out = outputSize(shape);
  const voxels = elementCount(out);
  const pads = kernel.map((k) => (k - 1) / 2);
  const padded = onnx.node("Pad", [x, onnx.integers([0, 0, ...pads, 0, 0, ...pads])]);
  const axes = onnx.integers(kernel.map((_, axis) => axis + 2));
  const steps = onnx.integers(stride);
  const rows = onnx.node("Reshape", [dy, onnx.integers([batch, co, voxels])]);
  const products = Array.from({ length: elementCount(kernel) }, (_, tap) => {
    const start = unravel(tap, kernel);
    const end = start.map((from, axis) => from + stride[axis]! * (out[axis]! - 1) + 1);
    const seen = onnx.node("Slice", [padded, onnx.integers(start), onnx.integers(end), axes, steps]);
    const columns = channelsBehind(onnx, [batch, ci, voxels], seen);
    return onnx.node("Reshape", [onnx.node("MatMul", [rows, columns]), onnx.integers([batch, 1, co, ci])]);
  });
  const joined = onnx.node("Concat", products, { axis: 1 });
  const summed = onnx.node("ReduceSum", [joined, onnx.integers([0])], { keepdims: 0 }); // [taps, co, ci]
  const ordered = onnx.node("Transpose", [summed], { perm: [1, 2, 0] });
  return onnx.node("Reshape", [ordered, onnx.integers([co, ci, ...kernel])]);
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
 *
 * The channels of x are the fastest axis, a spatial one of the convolution: the im2col copies runs of 3·ci values then
 * instead of single ones, which makes the whole 1.5 to 2.3 times faster (bench/weight-gradient.bench.mjs). With one to
 * three channels the runs along a row of x are the longer ones, and the channels stay first.
 */
export function planeWeightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  const volume = volumeShape(shape);
  const heights = { of: volume.size[1]!, dy: outputSize(volume)[1]! };
  const dw = imageProduct(onnx, volume, heights, x, dy);
  return onnx.node("Reshape", [dw, onnx.integers([shape.outChannels, shape.inChannels, ...shape.kernel])]);
}

/** The image of {@link planeProduct}, in any split of its axes, and how many rows it and dy have in each plane. */
export interface PlaneImage {
  /** [n, d, c, height, w] */
  readonly x?: string;
  /** [n, d, height, w, c] */
  readonly channelsLast?: string;
  /** At least those of the volume; what is more are zeros. */
  readonly heights: { readonly of: number; readonly dy: number };
  /** Planes that one product takes together, see {@link planesTogether}. */
  readonly together?: number;
}

/**
 * The product of {@link planeWeightGradient}.
 *
 * @param volume - of three axes
 * @param dy - [n, co, d, heights.dy, w] in any split
 * @returns [co, ci, kd, kh, kw]
 */
export function planeProduct(onnx: OnnxGraph, volume: ConvolutionShape, image: PlaneImage, dy: string): string {
  const { batch, inChannels: ci, outChannels: co } = volume;
  const [depth, , width] = volume.size as [number, number, number];
  const [kd, kh, kw] = volume.kernel as [number, number, number];
  const [, sh, sw] = volume.stride as [number, number, number];
  const [, , w] = outputSize(volume) as [number, number, number];
  const { of: height, dy: h } = image.heights;
  const planes = batch * depth;
  const together = image.together ?? planesTogether(volume, h * w);
  const groups = planes / together;

  const last = image.channelsLast !== undefined;
  const group = last
    ? onnx.node("Reshape", [image.channelsLast, onnx.integers([1, planes, height, width, ci])])
    : onnx.node("Reshape", [image.x!, onnx.integers([1, planes, ci, height, width])]);
  const inPlane = <T>(channel: T, rows: T, columns: T): T[] =>
    last ? [rows, columns, channel] : [channel, rows, columns];
  const kernels = onnx.node("Reshape", [
    meetingPlanes(onnx, volume, h, dy, together),
    onnx.integers([groups * kd * co, together, ...inPlane(1, h, w)]),
  ]);

  const padStart = [(kh - 1) / 2, (kw - 1) / 2] as const;
  const padEnd = [kh + sh * (h - 1) - height - padStart[0], kw + sw * (w - 1) - width - padStart[1]] as const;
  // a 1-wide kernel with stride 2 sees fewer voxels than there are: it makes surplus positions, cut off below
  const positions = inPlane(ci, kh + Math.max(0, -padEnd[0]), kw + Math.max(0, -padEnd[1]));
  let product = onnx.node("Conv", [group, kernels], {
    group: groups,
    kernel_shape: inPlane(1, h, w),
    dilations: inPlane(1, sh, sw),
    pads: [...inPlane(0, ...padStart), ...inPlane(0, Math.max(0, padEnd[0]), Math.max(0, padEnd[1]))],
  }); // [1, groups·kd·co, kh, kw, ci], or ci first
  product = onnx.node("Reshape", [product, onnx.integers([groups, kd, co, ...positions])]);
  if (padEnd.some((p) => p < 0)) {
    const axes = last ? [3, 4] : [4, 5];
    product = onnx.node("Slice", [product, onnx.integers([0, 0]), onnx.integers([kh, kw]), onnx.integers(axes)]);
  }
  const summed = sumOverPlanes(onnx, volume, together, product, elementCount([co, kh, kw, ci])); // [kd, co, kh, kw, ci]
  const shape = onnx.integers([co, ci, kd, kh, kw]);
  if (!last) {
    const apart = onnx.node("Reshape", [summed, onnx.integers([kd, co, ci, kh, kw])]);
    return onnx.node("Reshape", [onnx.node("Transpose", [apart], { perm: [1, 2, 0, 3, 4] }), shape]);
  }
  // two steps that move runs or two axes: a transposition of all axes moves single values, on one thread
  const order = Array.from({ length: co * kd }, (_, i) => (i % kd) * co + Math.floor(i / kd));
  const apart = onnx.node("Reshape", [summed, onnx.integers([kd * co, kh * kw * ci])]);
  const byChannel = kd === 1 ? apart : onnx.node("Gather", [apart, onnx.int32s(order, [order.length])], { axis: 0 });
  const behind = onnx.node("Reshape", [byChannel, onnx.integers([co, kd * kh * kw, ci])]);
  return onnx.node("Reshape", [onnx.node("Transpose", [behind], { perm: [0, 2, 1] }), shape]);
}

function volumeShape(shape: ConvolutionShape): ConvolutionShape {
  if (shape.size.length === 3) return shape;
  return { ...shape, size: [1, ...shape.size], kernel: [1, ...shape.kernel], stride: [1, ...shape.stride] };
}

/**
 * {@link planeProduct} of x [n, c, d, heights.of, w]. An image of few channels is read plane by plane of dy, with the planes
 * that meet it as further channels: that copies the image three times, and not dy, which has many more channels.
 */
export function imageProduct(
  onnx: OnnxGraph,
  volume: ConvolutionShape,
  heights: PlaneImage["heights"],
  x: string,
  dy: string,
): string {
  const { batch, inChannels: ci, size, kernel, stride } = volume;
  const [depth, , width] = size as [number, number, number];
  if (ci > 3) {
    const voxels = depth * heights.of * width;
    return planeProduct(onnx, volume, { channelsLast: channelsBehind(onnx, [batch, ci, voxels], x), heights }, dy);
  }
  const kd = kernel[0]!;
  const d = depth / stride[0]!;
  const planes = onnx.node("Reshape", [x, onnx.integers([batch * ci * depth, heights.of * width])]);
  const outside = batch * ci * depth;
  const table: number[] = [];
  for (let sample = 0; sample < batch; sample++) {
    for (let o = 0; o < d; o++) {
      for (let tap = 0; tap < kd; tap++) {
        const z = o * stride[0]! + tap - (kd - 1) / 2;
        for (let channel = 0; channel < ci; channel++)
          table.push(z >= 0 && z < depth ? (sample * ci + channel) * depth + z : outside);
      }
    }
  }
  const padded = table.includes(outside) ? onnx.node("Pad", [planes, onnx.integers([0, 0, 1, 0])]) : planes;
  const met = onnx.node("Gather", [padded, onnx.int32s(table, [table.length])], { axis: 0 });
  const channelsLast = channelsBehind(onnx, [batch * d, kd * ci, heights.of * width], met);
  return depthProduct(onnx, volume, { channelsLast, heights }, dy);
}

/**
 * {@link planeProduct} where the planes of x that meet a plane of dy are further channels.
 *
 * @param image - channelsLast is [n, d, height, w, kd · ci], d that of dy
 */
export function depthProduct(onnx: OnnxGraph, volume: ConvolutionShape, image: PlaneImage, dy: string): string {
  const { inChannels: ci, outChannels: co, size, kernel, stride } = volume;
  const [kd, kh, kw] = kernel as [number, number, number];
  const single = {
    ...volume,
    inChannels: kd * ci,
    size: [size[0]! / stride[0]!, ...size.slice(1)],
    kernel: [1, kh, kw],
    stride: [1, ...stride.slice(1)],
  };
  const product = planeProduct(onnx, single, image, dy); // [co, kd·ci, 1, kh, kw]
  const apart = onnx.node("Reshape", [product, onnx.integers([co, kd, ci, kh * kw])]);
  const ordered = onnx.node("Transpose", [apart], { perm: [0, 2, 1, 3] });
  return onnx.node("Reshape", [ordered, onnx.integers([co, ci, kd, kh, kw])]);
}

/** x [n, c, voxels], in any split of the voxels → [n, voxels, c]. */
function channelsBehind(onnx: OnnxGraph, shape: readonly [n: number, c: number, voxels: number], x: string): string {
  return onnx.node("Transpose", [onnx.node("Reshape", [x, onnx.integers(shape)])], { perm: [0, 2, 1] });
}

/** Voxels that a product sums over; longer ones are no faster. */
const LONG = 1500;

/** How many planes to take together: small ones make short sums, and many products that are to be summed. */
function planesTogether({ batch, size }: ConvolutionShape, voxels: number): number {
  const planes = batch * size[0]!;
  let together = Math.max(1, Math.min(planes, Math.floor(LONG / voxels)));
  while (planes % together !== 0) together--;
  return together;
}

/** [groups, kd, length] → [kd, length], without those planes that meet none of dy (see {@link meetings}). */
function sumOverPlanes(
  onnx: OnnxGraph,
  volume: ConvolutionShape,
  together: number,
  product: string,
  length: number,
): string {
  const met = meetings(volume);
  const kd = volume.kernel[0]!;
  if (together > 1 || !met.includes(undefined)) {
    const apart = onnx.node("Reshape", [product, onnx.integers([met.length / kd / together, kd, length])]);
    return onnx.node("ReduceSum", [apart, onnx.integers([0])], { keepdims: 0 });
  }
  // as a product with zeros and ones it is one pass
  const counts = Array.from({ length: kd }, (_, tap) => met.map((o, i) => (o !== undefined && i % kd === tap ? 1 : 0)));
  const rows = onnx.node("Reshape", [product, onnx.integers([met.length, length])]);
  return onnx.node("MatMul", [onnx.floats(counts.flat(), [kd, met.length]), rows]);
}

/** For every plane (sample, z) of x and depth tap: the plane of dy that they meet, undefined outside. */
function meetings({ batch, size, kernel, stride }: ConvolutionShape): (number | undefined)[] {
  const [depth, kd, sd] = [size[0]!, kernel[0]!, stride[0]!];
  const d = depth / sd;
  return Array.from({ length: batch * depth * kd }, (_, i) => {
    const z = Math.floor(i / kd) % depth;
    const o = (z + (kd - 1) / 2 - (i % kd)) / sd;
    return Number.isInteger(o) && o >= 0 && o < d ? o : undefined;
  });
}

/**
 * dy [n, co, d, h, w] → the planes of dy that {@link meetings} names, [groups, kd, co, together, h·w]. For those outside
 * zeros, but any where a plane is taken alone: its product is left out.
 */
function meetingPlanes(onnx: OnnxGraph, volume: ConvolutionShape, h: number, dy: string, together: number): string {
  const { batch, outChannels: co, kernel } = volume;
  const [d, , w] = outputSize(volume) as [number, number, number];
  const kd = kernel[0]!;
  const met = meetings(volume);
  const outside = batch * co * d;
  const table: number[] = [];
  for (let first = 0; first < met.length; first += kd * together) {
    const sample = (plane: number) => Math.floor(((first / kd + plane) * kd * batch) / met.length);
    for (let tap = 0; tap < kd; tap++) {
      for (let channel = 0; channel < co; channel++) {
        for (let plane = 0; plane < together; plane++) {
          const o = met[first + plane * kd + tap] ?? (together > 1 ? undefined : 0);
          table.push(o === undefined ? outside : (sample(plane) * co + channel) * d + o);
        }
      }
    }
  }
  const planes = onnx.node("Reshape", [dy, onnx.integers([batch * co * d, h * w])]);
  const padded = table.includes(outside) ? onnx.node("Pad", [planes, onnx.integers([0, 0, 1, 0])]) : planes;
  return onnx.node("Gather", [padded, onnx.int32s(table, [table.length])], { axis: 0 });
}

/** The cheapest of the three for a layer. */
export function weightGradient(onnx: OnnxGraph, shape: ConvolutionShape, x: string, dy: string): string {
  if (isPointwise(shape)) return pointwiseWeightGradient(onnx, shape, x, dy);
  return (suitsPlanes(shape) ? planeWeightGradient : gatheredWeightGradient)(onnx, shape, x, dy);
}

/**
 * Whether planes are cheaper than gathering. Gathering writes taps · ci values for every voxel of dy, the plane form a
 * gradient of its own for every plane of x; where the planes are larger than there are channels the second is less, and
 * the time follows (bench/weight-gradient.bench.mjs).
 */
export function suitsPlanes(shape: ConvolutionShape): boolean {
  const planes = shape.size.length === 2 ? 1 : shape.size[0]!;
  return planes * shape.outChannels <= elementCount(outputSize(shape));
}

function sumOverFirst(onnx: OnnxGraph, product: string, shape: readonly number[]): string {
  const summed = onnx.node("ReduceSum", [product, onnx.integers([0])], { keepdims: 0 });
  return onnx.node("Reshape", [summed, onnx.integers(shape)]);
}
