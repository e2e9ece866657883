import type { Trainer } from "@nnunet/core";
import { trainModel } from "./train-model.ts";
import { defaultParts, type TrainerParts } from "./trainer-parts.ts";
import { completeTrainingSettings, type TrainingSettings } from "./training-settings.ts";

export interface TrainerOptions extends Partial<TrainerParts> {
  /** Your own where `losses` or `engines` are. */
  readonly name: string;
  readonly version?: string;
}

/**
 * A trainer whose settings may name the given losses and engines.
 *
 * @example
 * const mine = createTrainer({ name: "tversky", losses: { ...losses, tversky: (scope) => tversky(scope, 0.3) } });
 * createPipeline({ trainer: mine }).train(dataset, plans, "3d_fullres", 0, { settings: { loss: "tversky" } });
 */
export function createTrainer({ name, version, ...parts }: TrainerOptions): Trainer<TrainingSettings> {
  const known: TrainerParts = { ...defaultParts, ...parts };
  return {
    name,
    ...(version === undefined ? {} : { version }),
    completeSettings: completeTrainingSettings,
    train: (task) => trainModel(task, known),
  };
}

/** The paper's training: SGD with Nesterov momentum, Dice + cross-entropy, deep supervision (docs/method.md §6). */
export const defaultTrainer = createTrainer({ name: "default" });
