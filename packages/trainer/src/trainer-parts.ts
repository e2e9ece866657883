import type { TrainingEngine } from "./engine.ts";
import { type LossMaker, losses } from "./losses/losses.ts";
import { ortEngine } from "./ort/ort-engine.ts";
import { tfjsEngine } from "./tfjs/tfjs-engine.ts";

/** What the settings of a training may name. */
export interface TrainerParts {
  readonly losses: Readonly<Record<string, LossMaker>>;
  readonly engines: Readonly<Record<string, TrainingEngine>>;
}

export const engines = { ort: ortEngine, tfjs: tfjsEngine } as const satisfies Record<string, TrainingEngine>;

export const defaultParts: TrainerParts = { losses, engines };
