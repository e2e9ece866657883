import { type BlockedTensor, cleaned, pictureShape, toBlocked, toPlain, volumeSize } from "@nnunet/unet-model";
import type { OnnxTape, OnnxValue } from "../onnx-tape.ts";

/**
 * A feature in onnxruntime's channel-blocked layout. Its gradient has the same layout, and anything in the rows between
 * the planes: whoever needs zeros there cleans it.
 */
export type BlockedValue = OnnxValue & BlockedTensor;

/** A blocked tensor as what was computed from `inputs`. */
export function recordBlocked(
  tape: OnnxTape,
  tensor: BlockedTensor,
  inputs: readonly OnnxValue[],
  backward: (dy: BlockedTensor) => readonly (string | undefined)[],
): BlockedValue {
  const shape = pictureShape(tensor);
  tape.record(tensor.name, shape, inputs, (dy) => backward({ ...tensor, name: dy, clean: false }));
  return { ...tensor, shape };
}

/** From [n, c, (z,) y, x], with zeros between the planes. */
export function blockedOf(tape: OnnxTape, block: number, x: OnnxValue): BlockedValue {
  const [batch, channels, ...spatial] = x.shape as [number, number, ...number[]];
  const laid = toBlocked(tape.onnx, block, x.name, batch, channels, volumeSize(spatial));
  return recordBlocked(tape, cleaned(tape.onnx, block, laid), [x], (dy) => [
    toPlain(tape.onnx, block, dy, channels, spatial),
  ]);
}

/** Back to [n, c, …spatial]. */
export function plainOf(tape: OnnxTape, block: number, x: BlockedValue, spatial: readonly number[]): OnnxValue {
  const { batch, channels, size } = x;
  const name = toPlain(tape.onnx, block, x, channels, spatial);
  return tape.record(name, [batch, channels, ...spatial], [x], (dy) => [
    toBlocked(tape.onnx, block, dy, batch, channels, size).name,
  ]);
}

/** The same with zeros between the planes. */
export function cleanedOf(tape: OnnxTape, block: number, x: BlockedValue): BlockedValue {
  return x.clean ? x : recordBlocked(tape, cleaned(tape.onnx, block, x), [x], (dy) => [dy.name]);
}
