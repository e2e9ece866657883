import { InvalidArgumentError, type Trainer } from "@nnunet/core";
import { memoryOfEngine } from "./choose-engine.ts";
import { type LossMaker, losses } from "./losses/losses.ts";
import { trainModel } from "./train-model.ts";
import { defaultParts, type TrainerParts } from "./trainer-parts.ts";
import { completeTrainingSettings, type TrainingSettings } from "./training-settings.ts";

export interface TrainerOptions extends Partial<TrainerParts> {
  /** Your own where `losses` or `engines` are. */
  readonly name: string;
  readonly version?: string;
  /** Settings where a training gives none: those of nnU-Net, but for these. */
  readonly defaults?: Partial<TrainingSettings>;
}

/**
 * A trainer whose settings may name the given losses and engines.
 *
 * @throws {InvalidArgumentError} if it has no name, or one of them is none
 * @example
 * const mine = createTrainer({ name: "tversky", losses: { ...losses, tversky: (scope) => tversky(scope, 0.3) } });
 * createPipeline({ trainer: mine }).train(dataset, plans, "3d_fullres", 0, { settings: { loss: "tversky" } });
 */
export function createTrainer({ name, version, defaults, ...parts }: TrainerOptions): Trainer<TrainingSettings> {
  if (typeof name !== "string" || name === "") throw new InvalidArgumentError("trainer.name", "a name", name);
  const known: TrainerParts = { ...defaultParts, ...parts };
  for (const [key, loss] of Object.entries(known.losses)) {
    if (typeof loss !== "function") throw new InvalidArgumentError(`trainer.losses.${key}`, "a function", loss);
  }
  for (const [key, engine] of Object.entries(known.engines)) {
    if (typeof engine?.compile === "function") continue;
    throw new InvalidArgumentError(`trainer.engines.${key}`, "an engine, with a function compile", engine);
  }
  const complete = (given: Partial<TrainingSettings>) => completeTrainingSettings({ ...defaults, ...defined(given) });
  return {
    name,
    ...(version === undefined ? {} : { version }),
    completeSettings: complete,
    memoryOf: (given, device) => memoryOfEngine(complete(given).engine, known.engines, device),
    train: (task) => trainModel({ ...task, settings: complete(task.settings ?? {}) }, known),
  };
}

/** A loss of one's own, for `loss` of `nnunet.config.ts`. */
export interface OwnLoss {
  readonly name: string;
  readonly version?: string;
  /** From what a loss has to know of the dataset to the loss, written in the operations of a tape. */
  readonly create: LossMaker;
}

/**
 * The default trainer with a loss of one's own, which it takes where a training names none.
 *
 * @throws {InvalidArgumentError} if the loss is called as one of ours
 * @example trainerWithLoss({ name: "tversky", create: (scope) => tversky(scope, 0.3) });
 */
export function trainerWithLoss({ name, version, create }: OwnLoss): Trainer<TrainingSettings> {
  if (Object.hasOwn(losses, name)) throw new InvalidArgumentError("loss.name", "a name of its own", name);
  const trainer = {
    name: `default with loss ${name}`,
    losses: { ...losses, [name]: create },
    defaults: { loss: name },
  };
  return createTrainer({ ...trainer, ...(version === undefined ? {} : { version }) });
}

/** The paper's training: SGD with Nesterov momentum, Dice + cross-entropy, deep supervision (docs/method.md §6). */
export const defaultTrainer = createTrainer({ name: "default" });

function defined<T extends object>(given: T): T {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T;
}
