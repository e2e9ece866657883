import { PickleFault } from "../pickle/pickle-bytes.ts";
import { PickleDict, PickleGlobal, PickleTuple } from "../pickle/pickle-values.ts";
import { elementType, storageElementType } from "./element-types.ts";
import { checkedTensor, TorchStorage, TorchTensor } from "./torch-tensor.ts";

const items = (value: unknown): readonly unknown[] => (value instanceof PickleTuple ? value.items : [undefined]);

/**
 * The functions by which torch rebuilds tensors. A tensor of a kind that is not read (sparse, quantised, complex, on the
 * meta device) stays an inert record of its request, and is refused if a network needs it.
 */
export function constructTorch({ module, name }: PickleGlobal, args: readonly unknown[]): unknown {
  if (module === "torch" && name === "Size") return args[0] instanceof PickleTuple ? args[0] : undefined;
  if (module === "torch._tensor" && name === "_rebuild_from_type_v2") {
    const [callee, , inner] = args; // a tensor with attributes of its own
    if (!(callee instanceof PickleGlobal) || !(inner instanceof PickleTuple)) return undefined;
    return callee.name.startsWith("_rebuild_from_type") ? undefined : constructTorch(callee, inner.items);
  }
  if (module !== "torch._utils") return undefined;
  if (name === "_rebuild_parameter" || name === "_rebuild_parameter_with_state") {
    return args[0] instanceof TorchTensor ? args[0] : undefined;
  }
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof TorchStorage)) return undefined;
  const isOld = name === "_rebuild_tensor";
  const isTyped = name === "_rebuild_tensor_v2";
  if (isOld || isTyped || name === "_rebuild_tensor_v3") {
    const typed = isOld || isTyped ? storage.type : typeNamed(args[6]);
    if (typed === undefined || isMarked(args[isTyped ? 6 : 7])) return undefined;
    return checkedTensor(storage, typed, offset, items(shape), items(strides));
  }
  return undefined;
}

/** `torch.float8_e5m2`, which is pickled as a global. */
function typeNamed(value: unknown) {
  return value instanceof PickleGlobal && value.module === "torch" ? elementType(value.name) : undefined;
}

/** Tensors that stand for the negative or the conjugate of what is stored. */
function isMarked(metadata: unknown): boolean {
  if (!(metadata instanceof PickleDict)) return false;
  return [...metadata.entries].some(([key, value]) => (key === "neg" || key === "conj") && value !== false);
}

/**
 * The storage that a persistent id stands for: ("storage", class, key, device, number of elements).
 *
 * @returns undefined for a storage of a type that is not read
 */
export function storageFromId(id: unknown): TorchStorage | undefined {
  const [kind, type, key, , count] = items(id);
  if (kind !== "storage" || typeof key !== "string" || !Number.isSafeInteger(count) || (count as number) < 0) {
    throw new PickleFault("it refers to something else than the values of a tensor");
  }
  const known =
    type instanceof PickleGlobal && /^torch(\.cuda|\.storage)?$/.test(type.module)
      ? storageElementType(type.name)
      : undefined;
  return known && new TorchStorage(key, known, count as number);
}
