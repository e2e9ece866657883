import { InvalidArgumentError, type Plans, type PlansVariant, type Trainer } from "@nnunet/core";
import { recipeOf, type TrainingSettings } from "@nnunet/trainer";
import { contentHash } from "../records/made-from.ts";
import type { SizeOptions } from "../training/reduced-size.ts";

/** What a plan may say of its trainings. */
export interface RecipeOptions extends SizeOptions {
  readonly settings?: Partial<TrainingSettings> | undefined;
}

/** How long a training is may be decided when it begins, where the variant does not say: a budget does. */
const lengths: readonly string[] = ["epochs", "iterationsPerEpoch", "validationIterations"];

/** Of the options of a training what a plan keeps: those that were given and decide what comes out. */
export function recordedRecipe({ settings = {}, batchSize, baseFeatures }: RecipeOptions): PlansVariant["training"] {
  const { engine: _, ...recipe } = settings;
  const given = Object.entries({ ...recipe, batchSize, baseFeatures }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

/**
 * A recipe whose settings the trainer knows, without what was left open.
 *
 * @throws {InvalidArgumentError} if a setting is unknown or outside its domain
 */
export function checkedRecipe(
  trainer: Trainer<TrainingSettings>,
  recipe: PlansVariant["training"],
): PlansVariant["training"] {
  const { batchSize, baseFeatures, ...settings } = recipe as RecipeOptions & Partial<TrainingSettings>;
  trainer.completeSettings(settings as Partial<TrainingSettings>);
  return recordedRecipe({
    settings: settings as Partial<TrainingSettings>,
    ...definedOnly({ batchSize, baseFeatures }),
  });
}

/**
 * The options of a training with what its plan says of it; the same where the plan says nothing.
 *
 * @throws {InvalidArgumentError} if an option is given that is not the variant's: its results would lie under a name that says
 *   something else
 */
export function withRecipe<T extends RecipeOptions>(
  trainer: Trainer<TrainingSettings>,
  { variant }: Pick<Plans, "variant">,
  options: T,
): T {
  if (variant === undefined) return options;
  const { batchSize, baseFeatures, ...settings } = variant.training as RecipeOptions & Partial<TrainingSettings>;
  const whole: Readonly<Record<string, unknown>> = {
    ...recipeOf(trainer.completeSettings(settings as Partial<TrainingSettings>)),
    batchSize,
    baseFeatures,
  };
  const free = lengths.filter((name) => variant.training[name] === undefined);
  for (const [name, value] of Object.entries(recordedRecipe(options))) {
    if (free.includes(name) || contentHash(whole[name]) === contentHash(value)) continue;
    const own = whole[name] === undefined ? "the plan's" : JSON.stringify(spelt(whole[name]));
    const expected = `${own}, as the variant ${variant.name} has it; leave \`${name}\` out, or plan another variant with it`;
    throw new InvalidArgumentError(name, expected, spelt(value));
  }
  const sizes = { batchSize: options.batchSize ?? batchSize, baseFeatures: options.baseFeatures ?? baseFeatures };
  return { ...options, settings: { ...settings, ...options.settings }, ...definedOnly(sizes) };
}

/** An optimiser in one word, as the command line has it. */
function spelt(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const words = Object.entries(value).map(([key, each]) => (key === "name" ? String(each) : `${key}=${String(each)}`));
  return words.join(",");
}

function definedOnly(sizes: Readonly<Record<string, number | undefined>>): SizeOptions {
  return Object.fromEntries(Object.entries(sizes).filter(([, value]) => value !== undefined));
}
