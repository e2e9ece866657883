import { InvalidArtifactError } from "@nnunet/core";
import type { TorchArray } from "./element-types.ts";
import { tensorSize, type TorchTensor } from "./torch-tensor.ts";

/** Values of one tensor that is read: 2 GiB of float32. */
const mostValues = 2 ** 29;
/** The same where a stride of 0 makes many of few, which costs a file nothing. */
const mostRepeatedValues = 2 ** 24;

/**
 * The values of a tensor in C order.
 *
 * @param readBytes - bytes of the storage, of which no more than the tensor spans are asked for
 * @param little - byte order of the file
 * @throws {InvalidArtifactError} if it has more than 2²⁹ values, or spans more, or has more than 2²⁴ of fewer stored ones
 */
export async function readTensorValues(
  tensor: TorchTensor,
  readBytes: (from: number, length: number) => Promise<Uint8Array>,
  little: boolean,
  path: string,
  field: string,
): Promise<TorchArray> {
  const { type, offset, shape, strides } = tensor;
  const size = tensorSize(tensor);
  const span = size === 0 ? 0 : shape.reduce((last, n, axis) => last + (n - 1) * strides[axis]!, 0) + 1;
  if (Math.max(size, span) > mostValues || (size > span && size > mostRepeatedValues)) {
    throw new InvalidArtifactError(path, field, `is a tensor of ${Math.max(size, span)} values, too many to be read`);
  }
  const values = type.make(size);
  if (size === 0) return values;
  const bytes = await readBytes(offset * type.bytes, span * type.bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (little && type.name === "float32" && isContiguous(tensor)) {
    new Uint8Array(values.buffer).set(bytes); // the machine is little-endian, as all that Node runs on
    return values;
  }
  // Axis by axis from the last, so that an index is one addition.
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < size; i++) {
    values[i] = type.read(view, at * type.bytes, little) as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= shape[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return values;
}

function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
