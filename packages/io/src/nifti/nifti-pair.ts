import { exists } from "@nnunet/core/node";

/*
 * NIfTI in two files: `case.hdr` and `case.img`, each perhaps with `.gz`; either name means both.
 */

/** Whether the name is that of a header or of voxels. */
export function isPairName(path: string): boolean {
  return /\.(hdr|img)(\.gz)?$/i.test(path);
}

/** The name of the pair's header or voxels, compressed as `path` is; upper case stays upper case. */
export function pairName(path: string, half: "hdr" | "img"): string {
  return path.replace(/(hdr|img)((\.gz)?)$/i, (_, own: string, gz: string) => {
    return (own === own.toUpperCase() ? half.toUpperCase() : half) + gz;
  });
}

/**
 * The half that is there, compressed or not; the plain name if neither is.
 *
 * `.hdr` beside `.img.gz` is not rare: FSL and ITK write and read it.
 */
export async function pairFile(path: string, half: "hdr" | "img"): Promise<string> {
  const same = pairName(path, half);
  const other = /\.gz$/i.test(same) ? same.slice(0, -3) : `${same}.gz`;
  return !(await exists(same)) && (await exists(other)) ? other : same;
}

/** The other file of a pair. */
export async function niftiVoxelFile(path: string): Promise<readonly string[]> {
  if (!isPairName(path)) return [];
  return [await pairFile(path, /\.hdr(\.gz)?$/i.test(path) ? "img" : "hdr")];
}

/** The other file that is written. */
export function niftiVoxelFileWritten(path: string): readonly string[] {
  if (!isPairName(path)) return [];
  return [pairName(path, /\.hdr(\.gz)?$/i.test(path) ? "img" : "hdr")];
}
