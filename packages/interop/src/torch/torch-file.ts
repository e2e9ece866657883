import { printableName } from "@nnunet/core";
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
   * What else than data the file asks for, "os.system" say; none of it was called. Classes of torch, NumPy and pathlib that
   * nnU-Net's checkpoints hold are left out.
   */
  readonly asksFor: readonly string[];
  /**
   * The values of one of its tensors, in C order. float16, bfloat16 and float8 come as float32, bool as uint8.
   *
   * @param field - its name, for errors
   * @throws {InvalidArtifactError} if its bytes are missing or damaged
   */
  read(tensor: TorchTensor, field: string): Promise<TorchArray>;
}

/** Devices, random states and paths in logs and settings: of no use to us, and of no harm. */
const harmless = /^(torch\.(device|_utils\.\w+|_tensor\.\w+)|numpy\..*|(posix|nt|pure)?path(lib(\._local)?)?\.\w+)$/;
const mostNamed = 20;

/**
 * Constructors for the pickles of one file.
 *
 * @param asksFor - gets the names of what is asked for and no data
 */
export function torchConstructors(asksFor: Set<string>): NonNullable<UnpickleOptions["construct"]> {
  const constructNumpy = numpyConstructors();
  return (global, args) => {
    const made = constructContainer(global, args) ?? constructTorch(global, args) ?? constructNumpy(global, args);
    if (made === undefined && asksFor.size < mostNamed && !harmless.test(global.path)) {
      asksFor.add(printableName(global.path, 80));
    }
    return made;
  };
}
