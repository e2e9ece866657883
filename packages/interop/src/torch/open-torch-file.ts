import { InvalidArtifactError } from "@nnunet/core";
import type { RandomAccess } from "../bytes/random-access.ts";
import { isZip } from "../zip/zip-directory.ts";
import { openLegacyTorchFile } from "./legacy-torch-file.ts";
import type { TorchFile } from "./torch-file.ts";
import { openZippedTorchFile } from "./zipped-torch-file.ts";

/**
 * Opens a file that `torch.save` wrote, of today's form (a zip archive) or the one before torch 1.6. Nothing in it is
 * executed, and no more of it than its structure (at most 64 MiB) and the tensors that are asked for lies in memory.
 *
 * @throws {InvalidArtifactError} if it is something else, cut off or damaged
 * @example
 * const file = await openTorchFile(memoryAccess(bytes, "checkpoint_final.pth"));
 * const weights = (file.value as PickleDict).get("network_weights");
 */
export async function openTorchFile(source: RandomAccess): Promise<TorchFile> {
  if (source.size === 0) throw new InvalidArtifactError(source.path, "", "the file is empty; get it again");
  return (await isZip(source)) ? openZippedTorchFile(source) : openLegacyTorchFile(source);
}
