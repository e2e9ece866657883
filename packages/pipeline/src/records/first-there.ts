import { exists } from "@nnunet/core/node";

/** The first of some paths at which there is a file or folder. */
export async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}
