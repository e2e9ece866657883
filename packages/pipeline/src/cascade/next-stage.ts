import { readdir, rm } from "node:fs/promises";
import {
  type CaseFiles,
  type Configuration,
  findConfiguration,
  type ModelMetadata,
  type Plans,
  type StageOptions,
  throwIfCancelled,
  type Volume,
} from "@nnunet/core";
import { exists, readJson, writeJsonAtomic } from "@nnunet/core/node";
import { readLabels } from "@nnunet/io";
import {
  hashFiles,
  openPreprocessedCase,
  segmentationOnGrid,
  storedHash,
  writePreprocessedCase,
} from "@nnunet/preprocess";
import { nextStagePaths } from "../folders.ts";
import { contentHash } from "../records/made-from.ts";
import { refuseLink } from "../records/own-files.ts";

/*
 * What the first network of a cascade found in cases that it had not seen, kept for the training of the second: label
 * maps on the second's grid, in the fold that made them, beside a record of what they were made from.
 */

/** A configuration that takes the segmentations of another as input. */
export interface NextStage {
  readonly name: string;
  readonly configuration: Configuration;
}

/** The configurations that have `name` as their previous one. */
export function nextStages(plans: Plans, name: string): NextStage[] {
  return Object.entries(plans.configurations)
    .filter(([, { previousConfiguration }]) => previousConfiguration === name)
    .map(([next, configuration]) => ({ name: next, configuration }));
}

/** What of the plans decides the label maps of the next stages; part of what the validation of a fold is made from. */
export function gridsOfNextStages(plans: Plans, name: string): unknown[] {
  return nextStages(plans, name).map((next) => [next.name, gridOf(plans, next)]);
}

/** The record beside the label maps, written when all are there. */
export interface NextStageRecord {
  /** Of the model that found them. */
  readonly weightsSha256: string;
  /** Hash of what of the plans decides their grid. */
  readonly grid: string;
  /** Hash of what each was made from, by case id. */
  readonly cases: Readonly<Record<string, string>>;
}

/** @returns undefined if there is none, or none that can be read */
export async function readNextStageRecord(path: string): Promise<NextStageRecord | undefined> {
  if (!(await exists(path))) return undefined;
  const json = (await readJson(path).catch(() => undefined)) as Partial<NextStageRecord> | null | undefined;
  const { weightsSha256, grid, cases } = json ?? {};
  if (typeof weightsSha256 !== "string" || typeof grid !== "string") return undefined;
  return typeof cases === "object" && cases !== null ? { weightsSha256, grid, cases } : undefined;
}

export interface NextStageInputs {
  readonly plans: Plans;
  /** Of the model that segmented the cases. */
  readonly metadata: ModelMetadata;
  /** The cases that it was validated on, and where the segmentation of each lies. */
  readonly cases: readonly CaseFiles[];
  readonly segmentationOf: (files: CaseFiles) => string;
  /** Preprocessed cases of its own configuration: they know how the images were cropped. */
  readonly casesFolder: string;
}

/**
 * Brings the validation cases of a fold to the grids of the configurations that come after it. What was made from the
 * same is kept; label maps of other cases are removed.
 */
export async function keepForNextStages(
  foldFolder: string,
  { plans, metadata, cases, segmentationOf, casesFolder }: NextStageInputs,
  { signal, onEvent }: StageOptions,
): Promise<void> {
  for (const next of nextStages(plans, metadata.configuration)) {
    const { folder, madeFrom } = nextStagePaths(foldFolder, next.name);
    await refuseLink(folder);
    const made: Record<string, string> = {};
    let written = 0;
    for (const files of cases) {
      throwIfCancelled(signal, "bringing segmentations to the grid of the next stage");
      const path = segmentationOf(files);
      const hash = contentHash([metadata.weightsSha256, await hashFiles([path]), gridOf(plans, next)]);
      made[files.id] = hash;
      if ((await storedHash(folder, files.id, { everyVoxel: true })) === hash) continue;
      const { properties } = await openPreprocessedCase(casesFolder, files.id);
      const { seg, shape } = segmentationOnGrid(await readSegmentation(path), properties, next.configuration);
      const own = { ...properties, classLocations: {} };
      const labelMap = { data: new Float32Array(0), shape: [0, ...shape] as const, seg, properties: own };
      await writePreprocessedCase(folder, labelMap, hash);
      written++;
    }
    for (const name of await readdir(folder)) {
      const isOther = name.endsWith(".zarr") && !Object.hasOwn(made, name.slice(0, -".zarr".length));
      if (isOther) await rm(`${folder}/${name}`, { recursive: true });
    }
    const record = { weightsSha256: metadata.weightsSha256, grid: gridOfNextStage(plans, next.name), cases: made };
    await writeJsonAtomic(madeFrom, record satisfies NextStageRecord);
    if (written === 0) continue;
    const text = `${written} of ${cases.length} segmentations of ${metadata.configuration} brought to the grid of ${next.name}`;
    onEvent?.({ type: "message", stage: "predict", level: "info", text });
  }
}

/** Whether the label maps of a model's validation cases are there for every configuration that comes after it. */
export async function areKeptForNextStages(
  foldFolder: string,
  plans: Plans,
  { configuration, weightsSha256 }: ModelMetadata,
  caseIds: readonly string[],
): Promise<boolean> {
  for (const { name } of nextStages(plans, configuration)) {
    const { folder, madeFrom } = nextStagePaths(foldFolder, name);
    const record = await readNextStageRecord(madeFrom);
    if (record?.weightsSha256 !== weightsSha256) return false;
    for (const id of caseIds) {
      const hash = Object.hasOwn(record.cases, id) ? record.cases[id] : undefined;
      if (hash === undefined || (await storedHash(folder, id)) !== hash) return false;
    }
  }
  return true;
}

/** What the record of the label maps says of the grid of a configuration. */
export function gridOfNextStage(plans: Plans, name: string): string {
  return contentHash(gridOf(plans, { name, configuration: findConfiguration(plans, name) }));
}

function gridOf({ transposeForward }: Plans, { configuration: { spacing, resamplingSeg } }: NextStage): unknown {
  return [transposeForward, spacing, resamplingSeg];
}

async function readSegmentation(path: string): Promise<Volume<Int16Array>> {
  const { data, ...rest } = await readLabels(path);
  return { ...rest, data: data instanceof Int16Array ? data : Int16Array.from(data) };
}
