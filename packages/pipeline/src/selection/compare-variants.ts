import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  counted,
  type EvaluationSummary,
  FileError,
  InvalidArgumentError,
  InvalidArtifactError,
  isJsonObject,
  listed,
  type StageOptions,
} from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { type DatasetScores, type Ranking, rankOverDatasets, rankVariants, summaryFromJson } from "@nnunet/evaluate";
import { foldsAmong, modelFolderPaths } from "../folders.ts";
import { casesOf } from "./validation-cases.ts";

export interface CompareOptions extends StageOptions {
  /** Which configuration, where a folder of results holds several. */
  readonly configurations?: readonly string[] | undefined;
  /** Refuse where variants were validated on different cases or datasets, instead of comparing what is common. */
  readonly strict?: boolean | undefined;
  readonly seed?: number | undefined;
}

/** What ranking says of each dataset, and of all. */
export interface Comparison {
  readonly variants: Readonly<Record<string, string>>;
  readonly datasets: Readonly<Record<string, Ranking>>;
  /** Absent of one dataset: it would say the same. */
  readonly overall?: Ranking;
  /** What was not compared, in sentences. */
  readonly leftOut: readonly string[];
}

/** Tells of something that is not compared; an error where that is strict. */
type Skip = (text: string, path: string) => void;

interface Validated {
  /** Path of the model folder. */
  readonly folder: string;
  readonly cases: ReadonlyMap<string, { readonly scores: readonly number[]; readonly group?: string | undefined }>;
  readonly keys: readonly string[];
}

/**
 * Ranks the cross-validations of several variants by bootstrap, per dataset and over all of them (paper, Figure 6): 1,000
 * virtual validation sets from all validation cases of a dataset.
 *
 * @param variants - name → a model folder (`…/nnUNetTrainer__nnUNetPlans__3d_fullres`), or a folder of results with datasets
 * @throws {FileError} if a folder holds no cross-validation or several, or nothing is common to all
 */
export async function compareVariants(
  variants: Readonly<Record<string, string>>,
  { configurations, strict = false, seed = 0, onEvent }: CompareOptions = {},
): Promise<Comparison> {
  const names = Object.keys(variants);
  if (names.length < 2) throw new InvalidArgumentError("variants", "at least two folders to compare", names);
  const leftOut: string[] = [];
  const skip: Skip = (text, path) => {
    if (strict) throw new FileError(path, `${text}; validate the same cases in each, or compare without \`strict\``);
    leftOut.push(text);
    onEvent?.({ type: "message", stage: "compare", level: "warning", text });
  };
  const found = new Map<string, ReadonlyMap<string, Validated>>();
  for (const name of names) found.set(name, await validatedDatasets(resolve(variants[name]!), configurations, skip));
  const datasets: Record<string, Ranking> = {};
  const scores: DatasetScores[] = [];
  for (const dataset of [...new Set([...found.values()].flatMap((each) => [...each.keys()]))].sort()) {
    const lacking = names.filter((name) => !found.get(name)!.has(dataset));
    if (lacking.length > 0) {
      skip(
        `${dataset} is left out: ${listed(lacking)} ${lacking.length === 1 ? "has" : "have"} no validation of it`,
        dataset,
      );
      continue;
    }
    const each = names.map((name) => found.get(name)!.get(dataset)!);
    for (const { folder, keys } of each) {
      if (keys.join() === each[0]!.keys.join()) continue;
      throw new FileError(
        folder,
        `scores the labels ${keys.join(", ")}, ${each[0]!.folder} ${each[0]!.keys.join(", ")}`,
      );
    }
    const all = [...new Set(each.flatMap(({ cases }) => [...cases.keys()]))].sort();
    const common = all.filter((id) => each.every(({ cases }) => cases.has(id)));
    if (common.length < all.length) {
      const counts = names.map((name, i) => `${name} ${each[i]!.cases.size}`).join(", ");
      skip(`${dataset}: compared on the ${counted(common.length, "case")} that all variants have (${counts})`, dataset);
    }
    if (common.length === 0)
      throw new FileError(dataset, "no case was validated in every variant; train the same folds of each");
    const ofVariant = Object.fromEntries(
      names.map((name, i) => [name, common.map((id) => each[i]!.cases.get(id)!.scores)] as const),
    );
    const groups = common.map((id) => each[0]!.cases.get(id)!.group);
    const grouped = groups.some((group) => group !== undefined) ? { groups } : {};
    datasets[dataset] = rankVariants(ofVariant, { seed, ...grouped });
    scores.push({ scores: ofVariant, ...grouped });
  }
  if (scores.length === 0)
    throw new FileError(names.join(", "), "have no dataset in common; train the same one with each");
  return {
    variants: Object.fromEntries(names.map((name) => [name, resolve(variants[name]!)])),
    datasets,
    ...(scores.length > 1 && { overall: rankOverDatasets(scores, { seed }) }),
    leftOut,
  };
}

/** The cross-validations below a folder, by the name of the dataset. */
async function validatedDatasets(folder: string, configurations: readonly string[] | undefined, skip: Skip) {
  const found = new Map<string, Validated>();
  if (!(await exists(folder))) throw new FileError(folder, "there is no such folder");
  if (foldsAmong(await readdir(folder)).length > 0) {
    const validated = await crossValidated(folder, skip);
    if (validated) found.set(await datasetOf(folder), validated);
  } else {
    for (const dataset of (await folders(folder)).filter((name) => /^Dataset\d+_/.test(name))) {
      const wanted = (name: string) => configurations?.some((each) => name.endsWith(`__${each}`)) ?? true;
      for (const name of (await folders(join(folder, dataset))).filter(
        (each) => each.startsWith("nnUNetTrainer__") && wanted(each),
      )) {
        const path = join(folder, dataset, name);
        const validated = await crossValidated(path, skip);
        if (!validated) continue;
        const other = found.get(dataset);
        if (other) {
          const alike = configurationOf(other.folder) === configurationOf(path);
          const choose = alike
            ? "name the folder of the one that is meant, instead of the folder of results"
            : "name one of their configurations by `configurations`";
          throw new FileError(path, `lies beside ${basename(other.folder)}; ${choose}`);
        }
        found.set(dataset, validated);
      }
    }
  }
  if (found.size > 0) return found;
  throw new FileError(
    folder,
    "holds no validated folds; name a model folder (…/nnUNetTrainer__PLANS__CONFIG) or a folder of results",
  );
}

/** A model folder that was copied out of its results lies in no folder of its dataset. */
async function datasetOf(modelFolder: string): Promise<string> {
  const { plans } = modelFolderPaths(modelFolder);
  const described = (await exists(plans)) ? await readJson(plans) : undefined;
  const name = isJsonObject(described) ? described["dataset_name"] : undefined;
  return typeof name === "string" ? name : basename(dirname(modelFolder));
}

const configurationOf = (modelFolder: string) => basename(modelFolder).split("__").at(-1);

async function folders(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  const kinds = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).isDirectory()));
  return names.filter((_, i) => kinds[i]).sort();
}

/** All validation cases of the folds of a cross-validation, put together; what its remark says to be none is told of. */
async function crossValidated(folder: string, skip: Skip): Promise<Validated | undefined> {
  const cases = new Map<string, { scores: readonly number[]; group?: string | undefined }>();
  let keys: string[] | undefined;
  for (const fold of foldsAmong(await readdir(folder)).filter((each) => each !== "all")) {
    const { summary: path } = modelFolderPaths(folder).fold(fold);
    if (!(await exists(path))) continue;
    const summary: EvaluationSummary = summaryFromJson(await readJson(path), path);
    if (summary.remark !== undefined) {
      skip(`${folder}: fold ${fold} is left out, as it is none of a cross-validation (${summary.remark})`, path);
      continue;
    }
    for (const [i, id] of casesOf(summary).entries()) {
      const { metrics, group } = summary.cases[i]!;
      const own = Object.keys(metrics).sort();
      keys ??= own;
      const field = `metric_per_case.${i}.metrics`;
      if (own.join() !== keys.join()) {
        const problem = `scores the labels ${own.join(", ")}, cases before it ${keys.join(", ")}`;
        throw new InvalidArtifactError(
          path,
          field,
          `${problem}; evaluate again, or train the fold anew with these labels`,
        );
      }
      const odd = own.find((key) => metrics[key]!.dice < 0 || metrics[key]!.dice > 1);
      if (odd !== undefined) {
        throw new InvalidArtifactError(
          path,
          `${field}.${odd}.Dice`,
          `expected 0 to 1, got ${metrics[odd]!.dice}; evaluate again`,
        );
      }
      if (cases.has(id))
        throw new FileError(path, `scores case ${id}, which another fold has too; its folds are of two divisions`);
      cases.set(id, { scores: keys.map((key) => metrics[key]?.dice ?? Number.NaN), group });
    }
  }
  return keys && { folder, cases, keys };
}
