import { join } from "node:path";
import {
  type BatchSource,
  counted,
  type EvaluationSummary,
  FileError,
  findConfiguration,
  InvalidArgumentError,
  inputChannels,
  labelSet,
  type Plans,
  type RawDataset,
  shownShape,
} from "@nnunet/core";
import { lockedBy, whileLocked } from "@nnunet/core/node";
import { type Device, recipeOf, type TrainingSettings } from "@nnunet/trainer";
import type { PoolOptions } from "../workers/case-pool.ts";
import { exportFolds } from "../steps/export-model.ts";
import { foldBatches, type SamplingSettings } from "./fold-batches.ts";
import { foldInputs } from "./fold-inputs.ts";
import { type Fold, resultsPaths } from "../folders.ts";
import { dropWhatIsTrained } from "../records/given-up-record.ts";
import { changeRecord, exists, readRecord } from "../records/made-from.ts";
import {
  describeModel,
  foldsOfOtherPlans,
  refuseForeignTrainings,
  refuseOtherPlans,
  refuseOtherRecipe,
} from "./shared-model-folder.ts";
import { ownNetwork } from "./own-network.ts";
import {
  beginWith,
  pretrainedLines,
  pretrainedName,
  type PretrainedRecord,
  recordedPretrained,
} from "./pretrained/begin-with.ts";
import { type Pretrained, readPretrained } from "./pretrained/read-pretrained.ts";
import { takingWeights } from "./pretrained/taken-weights.ts";
import { mirroredAxes } from "./mirror-axes.ts";
import { effectivePlans, refuseUnreadable, type SizeOptions } from "./reduced-size.ts";
import { makeRoom } from "./fold-room.ts";
import type { SplitOptions } from "./splits.ts";
import type { Context } from "../stages.ts";
import { timedStage } from "../steps/timed-stage.ts";
import { refuseLargeTraining } from "./training-memory.ts";
import { decideTraining, type ExistingTraining } from "./training-start.ts";
import { isValidated, validateFold } from "./validate-fold.ts";

export interface TrainOptions extends PoolOptions, SizeOptions, SplitOptions {
  /** What decides, beside data and network, which weights come out: epochs, loss, seed, … The trainer's defaults otherwise. */
  readonly settings?: Partial<TrainingSettings> | undefined;
  /** Patch sampling and augmentation, where they are not to be the plan's. */
  readonly sampling?: SamplingSettings | undefined;
  /**
   * A `model.onnx`, a checkpoint, or the folder of a fold, whose weights the training begins with wherever they fit. It is not
   * needed to continue.
   */
  readonly pretrained?: string | undefined;
  readonly device?: Device | undefined;
  /** Keep the probabilities of the validation cases, compressed: ensembles are then chosen without predicting again. */
  readonly probabilities?: boolean | undefined;
  /**
   * What to do where this fold has been trained or begun: refuse (the default), go on from its latest checkpoint,
   * start again, or ("update") keep or continue what was made from the same data, plan and options, and set anything
   * else aside as `previous_fold_0_1`, `_2`, ….
   */
  readonly existing?: ExistingTraining;
  /**
   * Folds that the caller trains too. With "update", those of another network are set aside together with this one;
   * any other fold of another network is an error, because one plans.json describes all folds of a folder.
   */
  readonly together?: readonly Fold[];
}

export interface TrainFoldResult {
  /** `model.onnx` of the fold. */
  readonly model: string;
  /** False if a finished training made from the same data, plan and options was kept. */
  readonly trained: boolean;
  /** Where it began with weights of another training: which, and what of them fitted. */
  readonly pretrained?: PretrainedRecord;
  /** Of the validation cases, predicted as unseen images and scored against the original labels. */
  readonly validation: EvaluationSummary;
}

/**
 * Preprocessed cases of a fold → trained weights → `model.onnx` → scores of the validation cases.
 *
 * A refusal, of whatever kind, changes nothing on disk: what is there is recorded, replaced or described anew only when
 * the training begins. Nobody else writes in the fold meanwhile.
 *
 * @throws {FileError} if another process trains this fold (with "update" it is waited for), a case is not preprocessed, the fold holds a training and
 *   `existing` says to refuse or cannot continue it, another fold of the folder has another network, or one was trained by
 *   another tool
 */
export async function trainFold(
  context: Context,
  dataset: RawDataset,
  planned: Plans,
  configurationName: string,
  fold: Fold,
  options: TrainOptions = {},
): Promise<TrainFoldResult> {
  const { folders, stages } = context;
  const { existing = "refuse", signal, onEvent } = options;
  const plans = effectivePlans(planned, configurationName, options);
  if (plans !== planned) refuseUnreadable(plans, options);
  const configuration = findConfiguration(plans, configurationName);
  const channels = inputChannels({ plans, dataset: dataset.json, configuration: configurationName });
  const described = { plans, dataset, name: configurationName, inputChannels: channels };
  const network = await ownNetwork(stages, configuration, described);
  const { maxMemoryGb, device } = options;
  const asked = device === undefined || device === "cpu" ? "cpu" : "gpu";
  const takenFrom = (await stages.trainer.memoryOf?.(options.settings ?? {}, device)) ?? asked;
  const place = { maxMemoryGb, takenFrom, network } as const;
  refuseLargeTraining(configurationName, configuration, channels, labelSet(dataset.json), place);
  const paths = resultsPaths(folders, dataset.name, plans.plansName, configurationName);
  const { folder, model, madeFrom } = paths.fold(fold);
  const say = (text: string) => onEvent?.({ type: "message", stage: "train", level: "info", text });
  const begun = existing === "continue" ? recordedPretrained((await readRecord(madeFrom))["pretrained"]) : undefined;
  const pretrained = options.pretrained === undefined ? undefined : await readPretrained(options.pretrained);
  if (existing === "continue" && pretrained) refuseOtherPretrained(folder, begun, pretrained);
  const pretrainedSha256 = (pretrained ?? begun)?.sha256;
  const inputs = await foldInputs(context, dataset, plans, configurationName, fold, { ...options, pretrainedSha256 });
  const { split, remark, settings, casesFolder, madeBy, hashes, division, previous } = inputs;
  if (remark !== undefined && fold !== "all") {
    onEvent?.({ type: "message", stage: "train", level: "warning", text: remark });
  }
  const from = pretrained ?? begun;
  const recipe = { ...recipeOf(settings), ...(from && { pretrained: pretrainedName(from) }) };
  await refuseForeignTrainings(paths.folder);
  const train = async (): Promise<TrainFoldResult> => {
    const start = await decideTraining(paths.fold(fold), inputs, existing);
    if (start.kind === "afresh" && begun && !pretrained) {
      const problem = `was begun with ${begun.from} and stopped before anything of it was kept`;
      throw new FileError(folder, `${problem}; give \`pretrained\` again, or \`overwrite\` to start without it`);
    }
    if (start.kind === "keep") say(`fold ${fold} is up to date`);
    else {
      const together = existing === "update" ? (options.together ?? []).map((other) => `fold_${other}`) : [];
      /** The folds of another network that may be set aside; any other is refused. */
      const othersAmong = async (allowed: readonly string[]): Promise<readonly string[]> => {
        const found = await foldsOfOtherPlans(paths, plans, configurationName, fold);
        if (found?.folds.some((name) => !allowed.includes(name))) {
          refuseOtherPlans(paths.folder, configurationName, found, plans);
        }
        return (found?.folds ?? []).map((name) => join(paths.folder, name));
      };
      const others = await othersAmong(together);
      if (existing !== "update" && start.kind === "afresh" && inputs.remark === undefined) {
        await refuseOtherRecipe(paths, dataset, fold, recipe);
      }
      for (const other of others) await refuseLocked(other);
      const beginning =
        start.kind === "afresh" && pretrained
          ? beginWith(pretrained, { ...described, network, seed: settings.seed }, options.pretrained!)
          : undefined;
      const resumeAt = start.kind === "resume" ? start.epochs : 0;
      const { epochs, iterationsPerEpoch } = settings;
      const total = (epochs - resumeAt) * iterationsPerEpoch;
      const epochsLeft =
        resumeAt >= epochs
          ? "no epoch left"
          : resumeAt > 0
            ? `epochs ${resumeAt + 1} to ${epochs} of ${epochs}, each`
            : counted(epochs, "epoch");
      const features = configuration.architecture.featuresPerStage;
      const detail = `fold ${fold} of ${configurationName}: ${counted(split.train.length, "case")}, ${epochsLeft} of ${counted(iterationsPerEpoch, "step")}, batch ${configuration.batchSize}, patch ${shownShape(configuration.patchSize)}, features ${features.join(" ")}`;
      await timedStage("train", { total, detail }, options, async () => {
        const before = start.kind === "afresh" && start.before !== "none" ? start.before : "stay";
        if (beginning) sayPretrained(pretrained!.remark, beginning.record, say);
        const room = await makeRoom(folder, before, others);
        const onBegin = once(async () => {
          // Another fold may have begun meanwhile, in another process.
          const describe = async () => {
            await othersAmong([]);
            await describeModel(folders, dataset, plans, configurationName);
            await changeRecord(madeFrom, (record) => ({
              ...record,
              ...hashes,
              stages: madeBy,
              recipe,
              mirrorAxes: mirroredAxes(configuration, options.sampling),
              ...(beginning && { pretrained: beginning.record }),
              ...(remark === undefined ? {} : { remark }),
              ...(division && { division }),
              ...(previous && { previousStage: previous.stage }),
            }));
          };
          await whileLocked(paths.plans, "describing the model", describe, {
            wait: { stage: "train" },
            signal,
            onEvent,
          });
          for (const path of await room.commit()) say(`trained with other data, plan or options, and kept: ${path}`);
        });
        let sources: readonly BatchSource[] = [];
        try {
          sources = await foldBatches(stages, casesFolder, split, configuration, dataset, {
            ...options,
            settings,
            previous,
            network,
          });
          const task = takingWeights(stages.trainer.name, {
            configuration,
            configurationName,
            fold,
            labels: labelSet(dataset.json),
            inputChannels: channels,
            training: sources[0]!,
            validation: sources[1]!,
            folder,
            settings,
            madeBy,
            ...(network && { network }),
            ...(beginning && { initialWeights: beginning.weights, pretrained: beginning.record }),
            ...(options.device === undefined ? {} : { device: options.device }),
            continue: start.kind === "resume",
            onBegin,
            ...(signal && { signal }),
            ...(onEvent && { onEvent }),
          });
          const trained: { readonly checkpoint: string } | undefined = await stages.trainer.train(task);
          if (typeof trained?.checkpoint !== "string") {
            const expected = "train() that returns { checkpoint }, the file of the final weights";
            throw new InvalidArgumentError(`trainer ${stages.trainer.name}`, expected, trained);
          }
          const { checkpoint } = trained;
          await task.onBegin?.(); // a stage of one's own may not have said that it begins
          return { result: checkpoint, detail: folder };
        } finally {
          for (const source of sources) await source.close();
          await room.undo();
        }
      });
      await exportFolds(paths.folder, configurationName, [fold], model);
      await dropWhatIsTrained({ folders, dataset: dataset.name, plansName: plans.plansName });
    }
    const validated = { caseIds: split.val, remark, plans, casesFolder, previous };
    const validation = await validateFold(context, dataset, folder, validated, options);
    const recorded = recordedPretrained((await readRecord(madeFrom))["pretrained"]);
    return { model, trained: start.kind !== "keep", ...(recorded && { pretrained: recorded }), validation };
  };
  // What comes out the same whoever does it is waited for, and kept.
  const wait = existing === "update" ? { wait: { stage: "train" } } : {};
  const events = { ...(signal && { signal }), ...(onEvent && { onEvent }) };
  return whileLocked(folder, `training fold ${fold} of ${configurationName}`, train, { ...wait, ...events });
}

/**
 * Whether {@link trainFold} would keep the training and the scores that are there. Changes nothing, no splits either.
 */
export async function isFoldTrained(
  context: Context,
  dataset: RawDataset,
  planned: Plans,
  configurationName: string,
  fold: Fold,
  options: TrainOptions,
): Promise<boolean> {
  const plans = effectivePlans(planned, configurationName, options);
  const paths = resultsPaths(context.folders, dataset.name, plans.plansName, configurationName).fold(fold);
  if (!(await exists(paths.model))) return false;
  const pretrained = options.pretrained === undefined ? undefined : await readPretrained(options.pretrained);
  const inputs = await foldInputs(context, dataset, plans, configurationName, fold, {
    ...options,
    pretrainedSha256: pretrained?.sha256,
    write: false,
  });
  const start = await decideTraining(paths, inputs, "update");
  const validated = { ...inputs, caseIds: inputs.split.val, plans };
  return start.kind === "keep" && (await isValidated(context, dataset, paths.folder, validated, options));
}

/** @throws {FileError} if another process trains in this folder */
async function refuseLocked(folder: string): Promise<void> {
  const busy = await lockedBy(folder);
  if (busy) throw new FileError(folder, busy.problem);
}

/** @throws {FileError} if a training is to go on with other weights than it began with */
function refuseOtherPretrained(folder: string, begun: PretrainedRecord | undefined, asked: Pretrained): void {
  if (begun?.sha256 === asked.sha256) return;
  const was = begun ? pretrainedName(begun) : "initial weights of its own";
  throw new FileError(
    folder,
    `cannot be continued with another pretrained model: it was begun with ${was}; leave \`pretrained\` out, or \`overwrite\` to start again`,
  );
}

/** Before hours of training: what of the pretrained model goes into it. */
function sayPretrained(remark: string | undefined, record: PretrainedRecord, say: (text: string) => void): void {
  for (const line of pretrainedLines(record)) say(line);
  if (remark !== undefined) say(`of the pretrained model: ${remark}`);
}

/** The same work; a second call gets the first one's result. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => (done ??= work());
}
