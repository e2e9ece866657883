import { constructContainer } from "../pickle/containers.ts";
import { numpyConstructors } from "../pickle/numpy.ts";
import type { UnpickleOptions } from "../pickle/unpickle.ts";
import type { TorchArray } from "./element-types.ts";
import { constructTorch } from "./torch-constructors.ts";
import type { TorchTensor } from "./torch-tensor.ts";

/** What `torch.save` wrote, opened: all of its structure, none of its values yet. */
export interface TorchFile {
  /** Dictionaries, lists, numbers, texts; tensors as {@link TorchTensor}, and what is not known as an inert record. */
  readonly value: unknown;
  /**
   * The values of one of its tensors, in C order. float16, bfloat16 and float8 come as float32, bool as uint8.
   *
   * @param field - its name, for errors
   * @throws {InvalidArtifactError} if its bytes are missing or damaged
   */
  read(tensor: TorchTensor, field: string): Promise<TorchArray>;
}

/** Constructors for one pickle of torch. */
export function torchConstructors(): NonNullable<UnpickleOptions["construct"]> {
  const constructNumpy = numpyConstructors();
  return (global, args) =>
    constructContainer(global, args) ?? constructTorch(global, args) ?? constructNumpy(global, args);
}
