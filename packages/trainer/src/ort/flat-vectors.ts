import type { OnnxGraph } from "@nnunet/unet-model";
import type { ParameterLayout } from "../parameter-layout.ts";
import type { OnnxTape, OnnxValue } from "./onnx-tape.ts";

/**
 * Cuts the flat vector into named, shaped, differentiable values: one Slice each, as a Split with hundreds of outputs exceeds
 * the buffers that a WebGPU shader may have.
 *
 * @param inTurns - every other piece is cut out of another view of the vector, for onnxruntime makes one Split of slices that
 *   cover a tensor; see {@link joinInRows} for why that is slow on CUDA
 */
export function cutParameters(
  tape: OnnxTape,
  layout: ParameterLayout,
  flat: OnnxValue,
  inTurns = false,
): Map<string, OnnxValue> {
  const { onnx } = tape;
  const column = inTurns ? onnx.node("Reshape", [flat.name, onnx.integers([-1, 1])]) : flat.name;
  return new Map(
    [...layout.offsets].map(([name, { offset, length, shape }], i) => {
      const piece = slice(onnx, i % 2 === 0 ? flat.name : column, offset, offset + length);
      return [name, tape.parameter(onnx.node("Reshape", [piece, onnx.integers(shape)], {}, name), shape)];
    }),
  );
}

/** Values of one row in {@link joinInRows}. */
const ROW = 1024;

/**
 * Joins vectors, without a Concat along a long axis: on CUDA onnxruntime (1.30) tells for every index of that axis which input it
 * comes from, in a table that it makes on the CPU at every run, 6 ns each. Here whole rows are joined, and what lies between
 * them in short pieces.
 *
 * @param vectors - flat, with their lengths
 */
export function joinInRows(
  onnx: OnnxGraph,
  vectors: readonly { readonly name: string; readonly length: number }[],
): string {
  const total = vectors.reduce((sum, { length }) => sum + length, 0);
  const rest = (ROW - (total % ROW)) % ROW;
  const all = rest === 0 ? vectors : [...vectors, { name: onnx.floats(new Array(rest).fill(0), [rest]), length: rest }];
  const rows: string[] = [];
  let loose: string[] = [];
  let looseLength = 0;
  const takeRows = (flat: string) => rows.push(onnx.node("Reshape", [flat, onnx.integers([-1, ROW])]));
  const takeLoose = () => {
    if (looseLength === 0) return;
    takeRows(loose.length === 1 ? loose[0]! : onnx.node("Concat", loose, { axis: 0 }));
    loose = [];
    looseLength = 0;
  };
  for (const { name, length } of all) {
    const piece = (from: number, to: number) => (from === 0 && to === length ? name : slice(onnx, name, from, to));
    const first = Math.min(length, (ROW - (looseLength % ROW)) % ROW); // completes a row
    const last = length - ((length - first) % ROW);
    if (first > 0) loose.push(piece(0, first));
    looseLength += first;
    if (last > first) {
      takeLoose();
      takeRows(piece(first, last));
    }
    if (length > last) loose.push(piece(last, length));
    looseLength += length - last;
  }
  takeLoose();
  const joined = rows.length === 1 ? rows[0]! : onnx.node("Concat", rows, { axis: 0 });
  const flat = onnx.node("Reshape", [joined, onnx.integers([-1])]);
  return rest === 0 ? flat : slice(onnx, flat, 0, total);
}

function slice(onnx: OnnxGraph, x: string, from: number, to: number): string {
  return onnx.node("Slice", [x, onnx.integers([from]), onnx.integers([to]), onnx.integers([0])]);
}
