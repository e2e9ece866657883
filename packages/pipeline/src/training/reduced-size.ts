import {
  type Configuration,
  type Decision,
  findConfiguration,
  InvalidArgumentError,
  isNnunetError,
  type Plans,
  plansFromJson,
  plansToJson,
  roundHalfEven,
} from "@nnunet/core";

/** Options of `train` that make a smaller (or larger) network or batch than the plan's. */
export interface SizeOptions {
  /** Feature maps of the first resolution stage; the others follow in proportion. */
  readonly baseFeatures?: number;
  readonly batchSize?: number;
}

/**
 * The plan that a training with other sizes really follows. It is written beside the model, so that whoever predicts,
 * exports or continues reads the sizes from there.
 *
 * Feature maps are scaled in proportion: with N base features, stage s gets `round(f_s · N / f_0)`, which for a plan
 * of `min(32·2^s, cap)` is `min(N·2^s, cap·N/32)`.
 *
 * @throws {UnknownStageError} if the plan has no such configuration
 * @throws {InvalidArgumentError} if a size is not a positive integer
 * @example effectivePlans(plans, "3d_fullres", { baseFeatures: 16 }).configurations["3d_fullres"]?.architecture.featuresPerStage; // [16, 32, 64, …, 160]
 */
export function effectivePlans(plans: Plans, name: string, { baseFeatures, batchSize }: SizeOptions): Plans {
  const planned = findConfiguration(plans, name);
  for (const [option, value] of Object.entries({ baseFeatures, batchSize })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new InvalidArgumentError(option, "a positive integer", value);
    }
  }
  const features = planned.architecture.featuresPerStage;
  const scaled = features.map((f) =>
    baseFeatures === undefined ? f : Math.max(1, roundHalfEven((f * baseFeatures) / features[0]!)),
  );
  const changed: Configuration = {
    ...planned,
    batchSize: batchSize ?? planned.batchSize,
    architecture: { ...planned.architecture, featuresPerStage: scaled },
  };
  const decisions: Decision[] = [];
  if (baseFeatures !== undefined && baseFeatures !== features[0]) {
    decisions.push(
      sizeDecision(
        name,
        "base-features",
        features,
        scaled,
        `Trained with ${scaled[0]} base features instead of the planned ${features[0]}: feature maps ${scaled.join(", ")}.`,
      ),
    );
  }
  if (batchSize !== undefined && batchSize !== planned.batchSize) {
    decisions.push(
      sizeDecision(
        name,
        "batch-size",
        planned.batchSize,
        batchSize,
        `Trained with batches of ${batchSize} instead of the planned ${planned.batchSize}.`,
      ),
    );
  }
  if (decisions.length === 0) return plans;
  return {
    ...plans,
    configurations: { ...plans.configurations, [name]: changed },
    explanation: [...plans.explanation, ...decisions],
  };
}

/**
 * Sizes beyond the bounds of a plan: no model with such a plan could be read.
 *
 * @throws {InvalidArgumentError} naming the option
 */
export function refuseUnreadable(plans: Plans, { baseFeatures, batchSize }: SizeOptions): void {
  try {
    plansFromJson(JSON.parse(JSON.stringify(plansToJson(plans))), plans.plansName);
  } catch (error) {
    if (!isNnunetError(error, "INVALID_ARTIFACT")) throw error;
    const [option, value] = error.field.includes("batch_size")
      ? ["batchSize", batchSize]
      : ["baseFeatures", baseFeatures];
    throw new InvalidArgumentError(option!, `a smaller one (${error.message})`, value);
  }
}

function sizeDecision(configuration: string, what: string, planned: unknown, result: unknown, text: string): Decision {
  return {
    configuration,
    rule: `user-${what}`,
    source: "given to the training",
    inputs: { planned },
    result,
    rejected: [{ alternative: planned, reason: "the user asked for another size" }],
    text,
  };
}
