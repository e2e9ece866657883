import { PickleFault } from "../pickle/pickle-bytes.ts";
import type { ElementType } from "./element-types.ts";

/** The memory that one or several tensors look into, by the name under which the file holds it. */
export class TorchStorage {
  constructor(
    readonly key: string,
    readonly type: ElementType,
    /** Elements. */
    readonly count: number,
    /** First element in the file's own storage, for views of legacy files. */
    readonly start = 0,
  ) {}
}

/** A tensor that has not been read: where its values lie. */
export class TorchTensor {
  /**
   * @param offset - element of the storage at which it begins, counted in elements of `type`
   * @param strides - elements from one index to the next, per axis; 0 repeats
   */
  constructor(
    readonly storage: TorchStorage,
    readonly type: ElementType,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

/** Axes that torch allows. */
const mostAxes = 64;

/**
 * A tensor whose every index lies in its storage.
 *
 * @throws {PickleFault} for an absurd shape, or one that reaches beyond the storage
 */
export function checkedTensor(
  storage: TorchStorage,
  type: ElementType,
  offset: unknown,
  shape: readonly unknown[],
  strides: readonly unknown[],
): TorchTensor {
  const isSize = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (!isSize(offset) || !shape.every(isSize) || !strides.every(isSize)) {
    throw new PickleFault("it has a tensor whose shape is not made of whole numbers");
  }
  if (shape.length !== strides.length || shape.length > mostAxes) {
    throw new PickleFault(`it has a tensor of ${shape.length} axes with ${strides.length} strides`);
  }
  const capacity = Math.floor((storage.count * storage.type.bytes) / type.bytes);
  if (shape.every((n) => n > 0)) {
    const last = shape.reduce((at, n, axis) => at + (n - 1) * (strides[axis] as number), offset);
    if (!(last < capacity)) {
      throw new PickleFault(`it has a tensor of shape [${shape.join(", ")}] beyond its storage of ${capacity} values`);
    }
  }
  return new TorchTensor(storage, type, offset, shape, strides as number[]);
}

/** Values of a tensor. */
export function tensorSize({ shape }: TorchTensor): number {
  return shape.reduce((product, n) => product * n, 1);
}
