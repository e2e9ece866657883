import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FileError, InvalidArgumentError } from "@nnunet/core";
import { describeFileError, exists } from "@nnunet/core/node";
import { imageStem, readImage, readImageInfo } from "@nnunet/io";
import { openProbabilities, probabilitiesInMemory, type ProbabilityReader } from "@nnunet/preprocess";
import type { StoredCase } from "./stored-case.ts";
import { v2StoredCases } from "./v2-probabilities.ts";

const suffix = "_probabilities";

/**
 * The probabilities that lie in a folder: `CASE.zarr`, in the folder itself or in `probabilities` below it, or what is read
 * as a whole: the images `CASE_probabilities.nii.gz`, or nnU-Net v2's `CASE.npz`.
 *
 * @throws {FileError} if the folder cannot be read or holds none
 */
export async function storedCases(folder: string): Promise<StoredCase[]> {
  for (const place of [folder, join(folder, "probabilities")]) {
    const names = await namesIn(place, place === folder);
    const stores = names.filter((name) => name.endsWith(".zarr"));
    if (stores.length > 0) {
      return stores.map((name) => {
        const id = name.slice(0, -".zarr".length);
        const open = () => openProbabilities(place, id);
        return { id, path: join(place, name), describe: open, open };
      });
    }
  }
  const names = await namesIn(folder, true);
  const images = names.filter((name) => imageStem(name)?.endsWith(suffix));
  if (images.length === 0) {
    const byV2 = v2StoredCases(folder, names);
    if (byV2.length > 0) return byV2;
    throw new FileError(
      folder,
      `holds no probabilities: neither CASE.zarr, there or in probabilities, nor CASE${suffix}.nii.gz, nor CASE.npz of nnU-Net v2; predict with \`probabilities\` first`,
    );
  }
  return images.map((name) => {
    const path = join(folder, name);
    const id = imageStem(name)!.slice(0, -suffix.length);
    return { id, path, describe: () => readImageInfo(path), open: () => openImage(path) };
  });
}

async function namesIn(folder: string, needed: boolean): Promise<string[]> {
  if (!needed && !(await exists(folder))) return [];
  const names = await readdir(folder).catch((error) => {
    throw describeFileError(folder, "could not be read", error);
  });
  return names.sort();
}

async function openImage(path: string): Promise<ProbabilityReader> {
  const { data, shape, geometry } = await readImage(path);
  return probabilitiesInMemory({
    data: data instanceof Float32Array ? data : Float32Array.from(data),
    shape,
    geometry,
  });
}

/** What is averaged into one segmentation. */
export interface CaseGroup {
  readonly id: string;
  readonly members: readonly StoredCase[];
}

/**
 * The cases of several folders that belong together: those of one name, or, with a pattern, all whose names agree in its
 * group, so that different images of one patient give one segmentation.
 *
 * @param groupBy - a regular expression with one group: `^(patient\d+)_`
 * @throws {InvalidArgumentError} if the pattern has not one group, or does not match a case
 * @throws {FileError} if a folder lacks one of the cases or groups
 */
export async function groupedCases(folders: readonly string[], groupBy?: string): Promise<CaseGroup[]> {
  const keyOf = groupBy === undefined ? (id: string) => id : byPattern(groupBy);
  const groups = new Map<string, StoredCase[]>();
  const perFolder: ReadonlySet<string>[] = [];
  for (const folder of folders) {
    const keys = new Set<string>();
    for (const stored of await storedCases(folder)) {
      const key = keyOf(stored.id);
      keys.add(key);
      groups.set(key, [...(groups.get(key) ?? []), stored]);
    }
    perFolder.push(keys);
  }
  for (const id of groups.keys()) {
    const lacking = folders[perFolder.findIndex((keys) => !keys.has(id))];
    if (lacking === undefined) continue;
    throw new FileError(
      lacking,
      `has no probabilities of ${id}, as the other folders have; predict the same images into every folder`,
    );
  }
  return [...groups].map(([id, members]) => ({ id, members })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function byPattern(pattern: string): (id: string) => string {
  const expected = "a regular expression with one group, such as ^(patient\\d+)_";
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, "u");
  } catch {
    throw new InvalidArgumentError("groupBy", expected, pattern);
  }
  if (new RegExp(`${pattern}|`, "u").exec("")!.length !== 2)
    throw new InvalidArgumentError("groupBy", expected, pattern);
  return (id) => {
    const key = expression.exec(id)?.[1];
    if (key) return key;
    throw new InvalidArgumentError("groupBy", `a pattern that matches every case, also ${id}`, pattern);
  };
}
