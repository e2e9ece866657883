import { readdir, stat } from "node:fs/promises";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { FileError, InvalidArtifactError, parseJson } from "@nnunet/core";
import { describeFileError, pathBelow, writeChunksAtomic } from "@nnunet/core/node";
import { type RandomAccess, withRandomAccess } from "../bytes/random-access.ts";
import { recordChunks } from "../zip/zip-content.ts";
import { isZip, readZipDirectory, type ZipRecord } from "../zip/zip-directory.ts";

/** Files with names: a folder, or a zip archive, which looks like one. Names are relative, with "/" between their parts. */
export interface Bundle {
  readonly path: string;
  readonly isFolder: boolean;
  /** Names of all files that matter, in order. */
  readonly names: readonly string[];
  /** Opens one for `use`. */
  open<T>(name: string, use: (source: RandomAccess) => Promise<T>): Promise<T>;
}

/** plans.json and dataset.json of 100,000 cases have some megabytes. */
const longestJson = 256 * 2 ** 20;
/** `nnUNet_results/Dataset…/Trainer__Plans__configuration/fold_0/checkpoint_final.pth` */
const deepest = 5;
const mostFiles = 200_000;

/** Files that make or describe a model; images and logs beside them are of no interest. */
export const matters = (name: string) =>
  /(^|\/)(plans\.(json|pkl)|dataset\.json|[^/]+\.pth|[^/]+\.model(\.pkl)?)$/.test(name);

/**
 * Opens a folder or a zip archive.
 *
 * @throws {FileError} if there is none, or it holds more files than a folder of models does
 */
export async function withBundle<T>(path: string, use: (bundle: Bundle) => Promise<T>): Promise<T> {
  const found = await stat(path).catch((error: unknown) => {
    throw describeFileError(path, "could not be read", error);
  });
  return found.isDirectory()
    ? use(await folderBundle(path))
    : withRandomAccess(path, async (zip) => use(await zipBundle(zip)));
}

async function folderBundle(path: string): Promise<Bundle> {
  const names: string[] = [];
  let seen = 0;
  const look = async (folder: string, depth: number): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      throw describeFileError(folder, "could not be read", error);
    });
    seen += entries.length;
    if (seen > mostFiles) throw new FileError(path, `holds more than ${mostFiles} files; name the folder of one model`);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const at = join(folder, entry.name);
      if (entry.isDirectory() && depth < deepest && !skipped.has(entry.name)) await look(at, depth + 1);
      else if (!entry.isDirectory() && matters(entry.name)) names.push(relative(path, at).split(/[/\\]/).join("/"));
    }
  };
  await look(path, 1);
  const open = <T>(name: string, use: (source: RandomAccess) => Promise<T>) =>
    withRandomAccess(pathBelow(path, ...name.split("/")), use);
  return { path, isFolder: true, names, open };
}

/** Folders of a training with many files and no model. */
const skipped = new Set(["validation", "validation_raw", "cv_niftis_raw", "gt_niftis", "predicted_next_stage"]);

async function zipBundle(zip: RandomAccess): Promise<Bundle> {
  if (!(await isZip(zip))) {
    const problem = "is neither a folder, a zip archive nor a checkpoint (.pth, .model)";
    throw new InvalidArtifactError(zip.path, "", problem);
  }
  const records = await readZipDirectory(zip);
  const names = [...records.keys()].filter(matters).sort();
  return { path: zip.path, isFolder: false, names, open: (name, use) => openRecord(zip, records.get(name), name, use) };
}

/** A stored file lies in the archive as it is; a deflated one is unpacked to a temporary file of its own. */
async function openRecord<T>(
  zip: RandomAccess,
  record: ZipRecord | undefined,
  name: string,
  use: (source: RandomAccess) => Promise<T>,
): Promise<T> {
  const path = `${zip.path}/${name}`;
  if (!record) throw new FileError(path, "is missing from the archive");
  if (record.method === 0) {
    for await (const _ of recordChunks(zip, record)); // its checksum
    return use({ path, size: record.size, read: (at, length) => zip.read(record.dataStart + at, length) });
  }
  const folder = await mkdtemp(join(tmpdir(), "nnunet-import-"));
  try {
    const copy = join(folder, "unpacked");
    await writeChunksAtomic(copy, recordChunks(zip, record));
    return await withRandomAccess(copy, (source) => use({ ...source, path }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A JSON file of a bundle. */
export async function readBundleJson(bundle: Bundle, name: string): Promise<unknown> {
  return bundle.open(name, async (source) => {
    if (source.size > longestJson)
      throw new InvalidArtifactError(source.path, "", "is too large for a JSON file of nnU-Net");
    return parseJson(Buffer.from(await source.read(0, source.size)).toString("utf8"), source.path);
  });
}
