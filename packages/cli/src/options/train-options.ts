import type { TrainOptions } from "@nnunet/pipeline";
import type { RecipeFlags, TrainFlags } from "./options.ts";
import type { Session } from "../session.ts";
import { settingsOf } from "./training-settings.ts";

/** What the flags of a recipe give, and nothing else. */
export function recipeOf(flags: RecipeFlags): Readonly<Record<string, unknown>> {
  const { batchSize, baseFeatures } = flags;
  const sizes = Object.entries({ batchSize, baseFeatures }).filter(([, value]) => value !== undefined);
  return { ...settingsOf(flags), ...Object.fromEntries(sizes) };
}

/** The flags of `train` as the pipeline's options. */
export function trainOptionsOf(flags: TrainFlags, { signal, onEvent }: Session): TrainOptions {
  const { workers, maxMemory, device, batchSize, baseFeatures, pretrained, randomSplit, probabilities } = flags;
  const sizes = { batchSize, baseFeatures };
  const how = { workers, maxMemoryGb: maxMemory, device, randomSplit, probabilities };
  return { settings: settingsOf(flags), ...sizes, pretrained, ...how, signal, onEvent };
}
