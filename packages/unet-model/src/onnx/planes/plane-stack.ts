import { nchwc, volumeSize } from "../blocked/blocked-tensor.ts";
import type { OnnxGraph } from "../onnx-graph.ts";

/**
 * Planes of a feature as onnxruntime's blocked operators take samples: in memory [plane, channel / b, y, x, b], named
 * [plane, channel, y, x] in the graph.
 */
export interface PlaneStack {
  readonly name: string;
  readonly planes: number;
  /** A multiple of the block. */
  readonly channels: number;
  readonly size: readonly [y: number, x: number];
}

/** A feature of one sample: all its planes in order, or the even ones and the odd ones, as many of each. */
export type Stacks = readonly [all: PlaneStack] | Halves;

export type Halves = readonly [even: PlaneStack, odd: PlaneStack];

/** The feature as one stack, planes in order. */
export function together(onnx: OnnxGraph, stacks: Stacks): PlaneStack {
  if (stacks.length === 1) return stacks[0];
  const [even] = stacks;
  const { planes, channels, size } = even;
  const apart = onnx.integers([planes, 1, channels * size[0] * size[1]]);
  const halves = stacks.map(({ name }) => onnx.node("Reshape", [name, apart]));
  return shaped(onnx, onnx.node("Concat", halves, { axis: 1 }), { ...even, planes: 2 * planes });
}

/** The feature as two stacks, if it has an even number of planes. */
export function halved(onnx: OnnxGraph, stacks: Stacks): Halves {
  if (stacks.length === 2) return stacks;
  const [all] = stacks;
  const planes = all.planes / 2;
  const half = (first: number) => {
    const places = Array.from({ length: planes }, (_, i) => 2 * i + first);
    const name = onnx.node("Gather", [all.name, onnx.int32s(places, [planes])], { axis: 0 });
    return { ...all, name, planes };
  };
  return [half(0), half(1)];
}

/** From a plain tensor [1, channel, (z,) y, x]. */
export function stackOf(
  onnx: OnnxGraph,
  x: string,
  { channels, spatial }: { readonly channels: number; readonly spatial: readonly number[] },
): PlaneStack {
  const [planes, ...size] = volumeSize(spatial);
  const apart = planesOf(onnx, x, [channels, planes, ...size], everyPlane(planes, channels));
  return { name: onnx.node("ReorderInput", [apart], {}, undefined, nchwc), planes, channels, size };
}

/**
 * Back to a plain tensor [1, channel, (z,) y, x].
 *
 * @param channels - those that count; a last block may hold more
 */
export function plainOf(
  onnx: OnnxGraph,
  stacks: Stacks,
  { channels, spatial }: { readonly channels: number; readonly spatial: readonly number[] },
  output?: string,
): string {
  const [z] = volumeSize(spatial);
  const reorder = ({ name }: PlaneStack, made?: string) =>
    onnx.node("ReorderOutput", [name], { channels }, made, nchwc);
  if (spatial.length === 2) return reorder(stacks[0], output);
  const { size } = stacks[0];
  const plain = stacks.map((stack) => reorder(stack));
  const one = plain.length === 1 ? plain[0]! : onnx.node("Concat", plain, { axis: 0 });
  const planes = onnx.node("Reshape", [one, onnx.integers([z * channels, ...size])]);
  const lies = (plane: number) => (stacks.length === 1 ? plane : (plane % 2) * (z / 2) + Math.floor(plane / 2));
  const places = Array.from({ length: channels * z }, (_, i) => lies(i % z) * channels + Math.floor(i / z));
  return onnx.node("Gather", [planes, onnx.int32s(places, [1, channels, z])], { axis: 0 }, output);
}

/** For each plane the places of its channels in [channel · z]. */
function everyPlane(planes: number, channels: number): number[][] {
  return Array.from({ length: planes }, (_, z) => Array.from({ length: channels }, (_, c) => c * planes + z));
}

/**
 * Planes of a plain tensor [1, channel, z, y, x], any of them as channels of any sample: [sample, channel, y, x].
 *
 * @param places - for each sample its channels, as places in [channel · z]
 */
export function planesOf(
  onnx: OnnxGraph,
  x: string,
  [channels, z, y, w]: readonly [channels: number, z: number, y: number, x: number],
  places: readonly (readonly number[])[],
): string {
  const planes = onnx.node("Reshape", [x, onnx.integers([channels * z, y, w])]);
  return onnx.node("Gather", [planes, onnx.int32s(places.flat(), [places.length, places[0]!.length])], { axis: 0 });
}

/** A stack by its name and the shape that it has. */
export function shaped(onnx: OnnxGraph, name: string, stack: Omit<PlaneStack, "name">): PlaneStack {
  const { planes, channels, size } = stack;
  return { planes, channels, size, name: onnx.node("Reshape", [name, onnx.integers([planes, channels, ...size])]) };
}
