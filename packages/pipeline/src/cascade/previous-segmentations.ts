import {
  FileError,
  findConfiguration,
  labelSet,
  listed,
  modelMetadataFromOnnx,
  type ModelMetadata,
  type Plans,
  type PreviousStage,
  type RawDataset,
  type Splits,
} from "@nnunet/core";
import { exists, readJson, readRegularFile } from "@nnunet/core/node";
import { splitsFromJson } from "@nnunet/evaluate";
import { storedHash } from "@nnunet/preprocess";
import { type Fold, type Folders, nextStagePaths, preprocessedPaths, resultsPaths } from "../folders.ts";
import { readNextStageRecord } from "./next-stage.ts";

/** What the first network of a cascade found in one case, on the grid of the second. */
export interface PreviousSegmentation {
  /** The fold that found it. */
  readonly fold: Fold;
  /** Where its label map lies. */
  readonly folder: string;
  /** Hash of what the label map was made from. */
  readonly hash: string;
}

/** What a fold of the second network is trained with beside the images. */
export interface PreviousSegmentations {
  readonly ofCase: ReadonlyMap<string, PreviousSegmentation>;
  /** `model.onnx` of each fold that is among them. */
  readonly models: ReadonlyMap<Fold, string>;
  /** Goes into the model: which weights the first network had. */
  readonly stage: PreviousStage;
  /** What is to be known of cases that were segmented by a model that had seen them. */
  readonly remark?: string;
}

/**
 * Collects the label maps that the first network of a cascade left for the second: of every case the one by the fold that
 * had not seen it. Fold "all" takes these, too, or where the cross-validation is not whole, those by fold "all" itself.
 *
 * @param caseIds - training and validation cases of the fold
 * @returns undefined if the configuration is no second network
 * @throws {FileError} if a fold of the first network is not trained, or its label maps are missing, damaged or made by
 *   another model; says which command makes them
 */
export async function previousSegmentations(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans,
  configurationName: string,
  fold: Fold,
  caseIds: readonly string[],
): Promise<PreviousSegmentations | undefined> {
  const first = findConfiguration(plans, configurationName).previousConfiguration;
  if (first === undefined) return undefined;
  findConfiguration(plans, first);
  const asked = { folders, dataset, plans, first, second: configurationName, caseIds };
  const splits = await knownSplits(folders, dataset);
  const chosen = splits && new Map(caseIds.map((id) => [id, heldOutBy(splits, id, fold)]));
  const needed =
    chosen && [...new Set([...chosen.values()].filter((each) => each !== undefined))].sort((a, b) => a - b);
  const missing = needed && (await notTrained(asked, needed));
  if (fold === "all" && (missing === undefined || missing.length > 0)) {
    const absent = await notTrained(asked, ["all"]);
    if (absent.length > 0) throw notTrainedYet(asked, missing ?? [], "all");
    return collect(asked, new Map(caseIds.map((id) => [id, "all"])));
  }
  if (!chosen || !missing) throw notTrainedYet(asked, [0, 1, 2, 3, 4], fold);
  const seen = caseIds.find((id) => chosen.get(id) === undefined);
  if (seen !== undefined) {
    const problem = `no fold has case ${seen} among its validation cases, so no ${first} can segment it for ${configurationName} without having seen it; add it to the val list of a fold`;
    throw new FileError(preprocessedPaths(folders, dataset.name).splits, problem);
  }
  if (missing.length > 0) throw notTrainedYet(asked, missing, fold);
  return collect(asked, chosen as ReadonlyMap<string, number>);
}

interface Asked {
  readonly folders: Folders;
  readonly dataset: RawDataset;
  readonly plans: Plans;
  /** Name of the first network's configuration, and of the second's. */
  readonly first: string;
  readonly second: string;
  readonly caseIds: readonly string[];
}

/** The fold to be preferred is the one of the same number: its validation cases are those of the second network. */
function heldOutBy(splits: Splits, id: string, fold: Fold): number | undefined {
  const has = (index: number) => splits[index]?.val.includes(id) === true && !splits[index].train.includes(id);
  if (typeof fold === "number" && has(fold)) return fold;
  const found = splits.findIndex((_, index) => has(index));
  return found < 0 ? undefined : found;
}

async function knownSplits(folders: Folders, dataset: RawDataset): Promise<Splits | undefined> {
  const path = preprocessedPaths(folders, dataset.name).splits;
  if (!(await exists(path))) return undefined;
  const ids = dataset.trainingCases.map(({ id }) => id);
  return splitsFromJson(await readJson(path), path, ids);
}

function foldOf({ folders, dataset, plans, first }: Asked, fold: Fold) {
  return resultsPaths(folders, dataset.name, plans.plansName, first).fold(fold);
}

async function notTrained<F extends Fold>(asked: Asked, folds: readonly F[]): Promise<F[]> {
  const missing: F[] = [];
  for (const fold of folds) if (!(await exists(foldOf(asked, fold).model))) missing.push(fold);
  return missing;
}

function notTrainedYet(asked: Asked, missing: readonly number[], fold: Fold): FileError {
  const { dataset, first, second } = asked;
  const command = (each: Fold) => `\`train(${dataset.id}, ${first}, ${each})\``;
  const folder = resultsPaths(asked.folders, dataset.name, asked.plans.plansName, first).folder;
  if (missing.length === 0)
    return new FileError(
      folder,
      `fold all is not trained, and ${second} needs its segmentations; run ${command("all")} first`,
    );
  const others = missing.slice(1);
  const more = others.length > 0 ? `, and the same for ${listed(others.map(String))}` : "";
  const instead = fold === "all" ? `, or ${command("all")},` : "";
  const needs = `${second} is trained on what ${first} finds in cases that it has not seen`;
  return new FileError(
    folder,
    `${missing.length === 1 ? "fold" : "folds"} ${listed(missing.map(String))} ${missing.length === 1 ? "is" : "are"} not trained to the end, and ${needs}; run ${command(missing[0]!)}${more}${instead} first`,
  );
}

async function collect(asked: Asked, chosen: ReadonlyMap<string, Fold>): Promise<PreviousSegmentations> {
  const { dataset, first, second } = asked;
  const ofCase = new Map<string, PreviousSegmentation>();
  const models = new Map<Fold, string>();
  const weights: string[] = [];
  for (const fold of new Set([...chosen.values()].sort((a, b) => Number(a) - Number(b)))) {
    const paths = foldOf(asked, fold);
    const metadata = modelMetadataFromOnnx(await readRegularFile(paths.model), paths.model);
    refuseOtherLabels(asked, metadata, paths.model);
    const { folder, madeFrom } = nextStagePaths(paths.folder, second);
    const record = await readNextStageRecord(madeFrom);
    const again = `run \`train(${dataset.id}, ${first}, ${fold}, { continue })\` with the options of its training, which makes what is missing`;
    if (!record)
      throw new FileError(
        folder,
        `the segmentations that fold ${fold} of ${first} found for ${second} are missing; ${again}`,
      );
    if (record.weightsSha256 !== metadata.weightsSha256) {
      throw new FileError(folder, `was made by another ${first} than the one in ${paths.model}; ${again}`);
    }
    for (const [id] of [...chosen].filter(([, by]) => by === fold)) {
      const hash = Object.hasOwn(record.cases, id) ? record.cases[id] : undefined;
      if (hash === undefined || (await storedHash(folder, id, { everyVoxel: true })) !== hash) {
        const problem = hash === undefined ? "is missing" : "is damaged or missing";
        throw new FileError(folder, `the segmentation of case ${id} ${problem}; ${again}`);
      }
      ofCase.set(id, { fold, folder, hash });
    }
    models.set(fold, paths.model);
    weights.push(metadata.weightsSha256);
  }
  const remark =
    "The low-resolution segmentations that it was trained on are of a network that had seen these cases; they are better than those of new images will be.";
  return {
    ofCase,
    models,
    stage: { configuration: first, weightsSha256: weights },
    ...(models.has("all") && { remark }),
  };
}

function refuseOtherLabels({ dataset, first, second }: Asked, metadata: ModelMetadata, path: string): void {
  const meaning = (of: Pick<RawDataset["json"], "labels" | "channelNames">) =>
    JSON.stringify([labelSet(of), of.channelNames]);
  if (meaning(metadata.dataset) === meaning(dataset.json)) return;
  throw new FileError(
    path,
    `was trained with other labels or channels than ${dataset.name} has now; train ${first} again before ${second}`,
  );
}
