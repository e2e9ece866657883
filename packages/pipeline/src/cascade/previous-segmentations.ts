import {
  FileError,
  findConfiguration,
  labelSet,
  modelMetadataFromOnnx,
  type ModelMetadata,
  type Plans,
  type PreviousStage,
  type RawDataset,
} from "@nnunet/core";
import { readRegularFile } from "@nnunet/core/node";
import { storedHash } from "@nnunet/preprocess";
import { type Fold, type Folders, nextStagePaths } from "../folders.ts";
import { type Cascade, firstNetworkFold, foldsThatHeldOut } from "./held-out-folds.ts";
import { gridOfNextStage, readNextStageRecord } from "./next-stage.ts";

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
  const asked = { folders, dataset, plans, first, second: configurationName };
  return collect(asked, await foldsThatHeldOut(asked, fold, caseIds));
}

async function collect(asked: Cascade, chosen: ReadonlyMap<string, Fold>): Promise<PreviousSegmentations> {
  const { dataset, plans, first, second } = asked;
  const ofCase = new Map<string, PreviousSegmentation>();
  const models = new Map<Fold, string>();
  const weights: string[] = [];
  for (const fold of new Set([...chosen.values()].sort((a, b) => Number(a) - Number(b)))) {
    const paths = firstNetworkFold(asked, fold);
    const metadata = modelMetadataFromOnnx(await readRegularFile(paths.model), paths.model);
    refuseOtherLabels(asked, metadata, paths.model);
    const { folder, madeFrom } = nextStagePaths(paths.folder, second);
    const record = await readNextStageRecord(madeFrom);
    const train = (how: string) => `\`train(${dataset.id}, ${first}, ${fold}${how})\``;
    const again = `run ${train(", { continue }")} with the options of its training, which makes what is missing`;
    if (!record)
      throw new FileError(
        folder,
        `the segmentations that fold ${fold} of ${first} found for ${second} are missing; ${again}`,
      );
    if (record.weightsSha256 !== metadata.weightsSha256) {
      throw new FileError(folder, `was made by another ${first} than the one in ${paths.model}; ${again}`);
    }
    if (record.grid !== gridOfNextStage(plans, second)) {
      throw new FileError(folder, `lies on another grid than ${second} has by its plan now; ${again}`);
    }
    for (const [id] of [...chosen].filter(([, by]) => by === fold)) {
      const hash = Object.hasOwn(record.cases, id) ? record.cases[id] : undefined;
      if (hash === undefined) {
        const problem = `holds no case ${id}, because fold ${fold} of ${first} was trained before splits_final.json was changed`;
        throw new FileError(folder, `${problem}; run ${train(", { overwrite }")}`);
      }
      if ((await storedHash(folder, id, { everyVoxel: true })) !== hash) {
        throw new FileError(folder, `the segmentation of case ${id} is damaged or missing; ${again}`);
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

function refuseOtherLabels({ dataset, first, second }: Cascade, metadata: ModelMetadata, path: string): void {
  const meaning = (of: Pick<RawDataset["json"], "labels" | "channelNames">) =>
    JSON.stringify([labelSet(of), of.channelNames]);
  if (meaning(metadata.dataset) === meaning(dataset.json)) return;
  throw new FileError(
    path,
    `was trained with other labels or channels than ${dataset.name} has now; train ${first} again before ${second}`,
  );
}
