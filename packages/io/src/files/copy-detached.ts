import { basename, dirname, join } from "node:path";
import { ImageFileError } from "@nnunet/core";
import { writeFileAtomic } from "@nnunet/core/node";
import { readPrefix } from "./bounded-file.ts";
import { copyOrdinaryFile } from "./copy-file.ts";

/**
 * Copies an image whose text header may name another file with the voxels: the copy's header names the copied voxels.
 *
 * @param voxelPath - the file that holds the voxels; `from` itself if they follow the header
 * @param field - the header's line that names it: what stands before the name is its first group
 * @param isDetached - whether a name is that of a header alone
 * @returns false if the voxels follow the header and must not under the new name, or the other way round
 */
export async function copyDetached(
  from: string,
  to: string,
  voxelPath: string,
  field: RegExp,
  isDetached: (path: string) => boolean,
): Promise<boolean> {
  if (voxelPath === from) {
    if (isDetached(to)) return false;
    await copyOrdinaryFile(from, to);
    return true;
  }
  if (!isDetached(to)) return false;
  const voxelName = `${basename(to).replace(/\.[^.]+$/, "")}${voxelEnding(voxelPath)}`;
  if (voxelName === basename(to)) return false;
  const { bytes } = await readPrefix(from, largestHeader);
  const text = bytes.toString("latin1");
  if (!field.test(text))
    throw new ImageFileError(from, "", "the line that names the voxels is not found; convert the image");
  const name = Buffer.from(voxelName, "utf8").toString("latin1");
  await copyOrdinaryFile(voxelPath, join(dirname(to), voxelName));
  await writeFileAtomic(
    to,
    Buffer.from(
      text.replace(field, (_, before: string) => before + name),
      "latin1",
    ),
  );
  return true;
}

const largestHeader = 2 ** 20;

/** ".raw", ".raw.gz", ".zraw", …; no ending that an image could have by itself. */
function voxelEnding(path: string): string {
  return /(\.[A-Za-z]\w*)?(\.gz|\.bz2)?$/.exec(basename(path))?.[0] || ".raw";
}
