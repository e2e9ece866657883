import { findConfiguration, InvalidArgumentError, labelSet, type Plans, type RawDataset } from "@nnunet/core";
import { recipeOf, type TrainingSettings } from "@nnunet/trainer";
import type { Fold } from "../folders.ts";
import { contentHash } from "../records/made-from.ts";
import { type PreviousSegmentations, previousSegmentations } from "../cascade/previous-segmentations.ts";
import { casesFolder, type Context, defaultStages, identity, type Stages } from "../stages.ts";
import { checkSampling, preprocessedHashes, type SamplingSettings } from "./fold-batches.ts";
import { casesOfFold, type FoldCases, type SplitOptions } from "./splits.ts";
import type { TrainingInputs } from "./training-start.ts";

/** What the training of a fold is made from. */
export interface FoldInputs extends FoldCases, TrainingInputs {
  /** Where it is the second network of a cascade: what the first one found in the cases. */
  readonly previous?: PreviousSegmentations | undefined;
  /** Where the preprocessed cases lie. */
  readonly casesFolder: string;
}

export interface FoldInputsOptions extends SplitOptions {
  readonly settings?: Partial<TrainingSettings> | undefined;
  readonly sampling?: SamplingSettings | undefined;
  /** Hash of what the training begins with, where that are weights of another. */
  readonly pretrainedSha256?: string | undefined;
  /** Keep the splits where there are none yet; true by default. */
  readonly write?: boolean;
}

/** Those that weights come from. The network is among them where it is one's own: earlier records do not have it. */
function stagesOfTraining({ network }: Stages) {
  const own = network === defaultStages.network ? [] : (["network"] as const);
  return [...(["preprocessor", "batchSampler", "trainer"] as const), ...own];
}

/**
 * Cases, settings and hashes of a fold; two trainings with the same hashes come out the same, up to the rounding of an engine.
 *
 * @param plans - with the sizes that are really trained
 * @throws {FileError} if there is no such fold, one of its cases is not preprocessed, or in a cascade not segmented by the
 *   first network
 */
export async function foldInputs(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  configurationName: string,
  fold: Fold,
  options: FoldInputsOptions,
): Promise<FoldInputs> {
  const { folders, stages } = context;
  checkSampling(options.sampling);
  const asked: TrainingSettings | undefined = stages.trainer.completeSettings(options.settings ?? {});
  if (typeof asked !== "object" || asked === null) {
    const expected = "completeSettings() that returns the whole settings";
    throw new InvalidArgumentError(`trainer ${stages.trainer.name}`, expected, asked);
  }
  const configuration = findConfiguration(plans, configurationName);
  const cases = await casesOfFold(folders, dataset, fold, options);
  const settings = { ...asked, seed: asked.seed + cases.seedOffset };
  const { train, val } = cases.split;
  const stored = casesFolder(context, dataset.name, configuration.dataIdentifier);
  const madeBy = Object.fromEntries(stagesOfTraining(stages).map((stage) => [stage, identity(stages[stage])]));
  const ids = [...train, ...val];
  const preprocessed = await preprocessedHashes(stored, ids, dataset, configurationName);
  const previous = await previousSegmentations(folders, dataset, plans, configurationName, fold, ids);
  const begins = options.pretrainedSha256;
  const network = contentHash([
    configuration,
    labelSet(dataset.json),
    cases.split,
    preprocessed,
    options.sampling,
    madeBy,
    ...(previous ? [ids.map((id) => previous.ofCase.get(id)!.hash), previous.stage] : []),
  ]);
  const hashes = {
    network,
    training: contentHash([network, recipeOf(settings), ...(begins === undefined ? [] : [begins])]),
  };
  const remark = [cases.remark, previous?.remark].filter((text) => text !== undefined).join(" ");
  return { ...cases, ...(remark !== "" && { remark }), settings, casesFolder: stored, madeBy, hashes, previous };
}
