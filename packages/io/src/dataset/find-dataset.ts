import { join, resolve } from "node:path";
import { FileError, listed } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { visibleFiles } from "../files/folder-contents.ts";

/**
 * The folder of a dataset that a person named by its id (4, "4", "004"), its name ("Dataset004_Hippocampus") or its
 * path.
 *
 * @param root - where datasets lie (`nnUNet_raw`, but any folder of folders called `DatasetNNN_…` will do)
 * @returns an absolute path
 * @throws {FileError} if there is none, listing those that there are, or if two have the same id
 * @example await findDatasetFolder("nnUNet_raw", 4); // "/…/nnUNet_raw/Dataset004_Hippocampus"
 */
export async function findDatasetFolder(root: string, idNameOrFolder: string | number): Promise<string> {
  const wanted = String(idNameOrFolder);
  const known = (await visibleFiles(root)).filter((name) => /^Dataset\d{3,}_/.test(name));
  const number = /^\d+$/.test(wanted) ? Number(wanted) : undefined;
  const matches = known.filter((name) => (number === undefined ? name === wanted : idOf(name) === number));
  if (matches.length > 1) {
    throw new FileError(resolve(root), `${matches.join(" and ")} have the same id; name one of them in full`);
  }
  if (matches.length === 1) return resolve(join(root, matches[0]!));
  if (number === undefined && (await exists(wanted))) return resolve(wanted);
  const list = known.length > 0 ? `found ${listed(known)}` : "found none at all";
  throw new FileError(resolve(root), `there is no dataset ${wanted} (${list}); convert it first, or give its folder`);
}

/** 4 for "Dataset004_Hippocampus". */
export function idOf(name: string): number {
  return Number(/^Dataset(\d+)_/.exec(name)?.[1]);
}
