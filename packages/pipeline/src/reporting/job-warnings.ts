import { basename, isAbsolute, sep } from "node:path";
import type { RawDataset } from "@nnunet/core";
import type { Folders } from "../folders.ts";
import { keptJobs } from "../jobs/job-file.ts";
import { caseNames } from "./case-scores.ts";

/** Of more warnings of one job a reader is told how many there are. */
const MOST = 5;

/**
 * What the jobs of the latest run warned of, each with its job.
 *
 * @param told - warnings that the reader knows already
 * @param withNames - as they were told; otherwise no case is named, nor any folder
 */
export async function jobWarnings(
  folders: Folders,
  dataset: RawDataset,
  { told, withNames }: { readonly told: readonly string[]; readonly withNames: boolean },
): Promise<string[]> {
  const jobs = await keptJobs(folders, dataset.name);
  const shown = (text: string) => (withNames ? text : withoutNames(text, folders, dataset));
  return jobs.flatMap(({ id, warnings = [] }) => {
    const said = [...new Set(warnings.filter((text) => !told.includes(text)).map(shown))];
    const more = said.length > MOST ? [`${id}: and ${said.length - MOST} more warnings, in the list of jobs`] : [];
    return [...said.slice(0, MOST).map((text) => `${id}: ${text}`), ...more];
  });
}

/**
 * A sentence without the ids of cases and without folders: cases have the numbers that the report gives them.
 *
 * @example withoutNames("/data/imagesTr/anna_0000.nii.gz: no spacing", …); // "case 3_0000.nii.gz: no spacing"
 */
export function withoutNames(text: string, folders: Folders, dataset: RawDataset): string {
  const nameOf = caseNames(dataset, false);
  const names = new Map<string, string>();
  for (const [i, { id }] of dataset.testCases.entries()) names.set(id, `test case ${i + 1}`);
  for (const { id } of dataset.trainingCases) names.set(id, `case ${nameOf(id).number}`);
  let bare = text;
  for (const root of [dataset.folder, ...Object.values(folders)]) bare = bare.replaceAll(`${root}${sep}`, "");
  bare = bare.replace(/[^\s"'`(),;]+/g, (word) => (isAbsolute(word) ? basename(word) : word));
  if (names.size === 0) return bare;
  // In one go, so that no number is taken for an id; a longer id first, as it may begin with a shorter one.
  const ids = [...names.keys()].sort((a, b) => b.length - a.length);
  const pattern = `(?:\\bcase )?(?:${ids.map(patternOf).join("|")})`;
  return bare.replace(
    new RegExp(pattern, "gu"),
    (found) => names.get(found) ?? names.get(found.slice("case ".length))!,
  );
}

/** An id where it is no part of a longer word; one that could be any word or number, only where a case must be meant. */
function patternOf(id: string): string {
  const quoted = id.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  const [before, after] = ["(?<![\\p{L}\\p{N}])", "(?![\\p{L}\\p{N}])"];
  const isUnlike = id.length > 2 && /\p{L}/u.test(id) && /[^\p{L}]/u.test(id);
  if (isUnlike) return `${before}${quoted}${after}`;
  return `(?<=\\bcase )${quoted}${after}|${before}${quoted}(?=(?:_\\d{4})?\\.[a-z])`;
}
