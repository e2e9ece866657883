import {
  type Configuration,
  InvalidArtifactError,
  isJsonObject,
  type Plans,
  plansFromJson,
  printableName,
} from "@nnunet/core";

/** How the weights of a network differ from what its parameters are called in our graph. */
export interface WeightForm {
  /** Its norms have no scale and shift, which then are 1 and 0. */
  readonly isPlainNorm: boolean;
  /** Batch norms, whose running statistics go into the convolutions: the number added to each variance. */
  readonly batchNormEpsilon?: number;
}

export interface PredictionPlans {
  readonly plans: Plans;
  readonly configuration: Configuration;
  readonly form: WeightForm;
}

type JsonObject = Record<string, unknown>;

/**
 * Plans of nnU-Net v2 for prediction. What matters in training only is put aside: dropout; what a network of ours has
 * in another form, too: norms without scale and shift, batch norms, no norms, no activation (a leaky ReLU of slope 1). Of
 * configurations that are not needed for `name`, those that our planner could not have made are left out.
 *
 * @param hasBatchNorms - whether the trainer has put batch norms in the place of the plan's norms
 * @throws {InvalidArtifactError} naming the field that is something else, or if there is no such configuration
 */
export function predictionPlans(json: unknown, name: string, path: string, hasBatchNorms: boolean): PredictionPlans {
  const raw = isJsonObject(json) ? json : {};
  const all = isJsonObject(raw["configurations"]) ? raw["configurations"] : {};
  if (!Object.hasOwn(all, name)) {
    const there = Object.keys(all)
      .slice(0, 8)
      .map((key) => printableName(key, 60))
      .join(", ");
    const problem = `has no ${printableName(name, 60)}, as which the checkpoint was trained, only ${there || "none"}; it is of another model`;
    throw new InvalidArtifactError(path, "configurations", problem);
  }
  const configurations = Object.fromEntries(
    Object.entries(all).map(([key, value]) => [key, isJsonObject(value) ? forPrediction(value, hasBatchNorms) : value]),
  );
  const read = (names: readonly string[]) => {
    const kept = Object.fromEntries(
      names.filter((key) => key in configurations).map((key) => [key, configurations[key]]),
    );
    return plansFromJson({ ...raw, configurations: kept }, path);
  };
  const needed = neededBy(configurations, name);
  let plans = read(needed);
  for (const other of Object.keys(configurations).filter((key) => !needed.includes(key))) {
    try {
      plans = read([...Object.keys(plans.configurations), other]);
    } catch {
      // of no use for this model
    }
  }
  const inOrder = Object.keys(all).filter((key) => Object.hasOwn(plans.configurations, key));
  return {
    plans: { ...plans, configurations: Object.fromEntries(inOrder.map((key) => [key, plans.configurations[key]!])) },
    configuration: plans.configurations[name]!,
    form: weightForm(networkArguments(all, name, path), hasBatchNorms),
  };
}

/** A configuration, those that it inherits from, and those whose segmentations it reads. */
function neededBy(configurations: JsonObject, name: string): string[] {
  const needed = [name];
  for (const key of needed) {
    const { inherits_from, previous_stage } = (configurations[key] ?? {}) as JsonObject;
    for (const next of [inherits_from, previous_stage]) {
      if (typeof next === "string" && Object.hasOwn(configurations, next) && !needed.includes(next)) needed.push(next);
    }
  }
  return needed;
}

function forPrediction(configuration: JsonObject, hasBatchNorms: boolean): JsonObject {
  const architecture = configuration["architecture"];
  const kwargs = isJsonObject(architecture) ? architecture["arch_kwargs"] : undefined;
  if (!isJsonObject(architecture) || !isJsonObject(kwargs)) {
    // the norm of plans older than v2.2 is not in them
    return hasBatchNorms && "UNet_class_name" in configuration ? withoutNorm(configuration) : configuration;
  }
  const { norm_op = null, nonlin = null } = kwargs;
  const axes = /2d$/.test(String(kwargs["conv_op"])) ? 2 : 3;
  const hasNorm = !hasBatchNorms && norm_op !== null && !usesStatistics(kwargs);
  const changed = {
    ...kwargs,
    dropout_op: null,
    norm_op: hasNorm ? norm_op : `torch.nn.modules.instancenorm.InstanceNorm${axes}d`,
    norm_op_kwargs: {
      ...(isJsonObject(kwargs["norm_op_kwargs"]) && hasNorm ? kwargs["norm_op_kwargs"] : {}),
      affine: true,
    },
    ...(nonlin === null && { nonlin: "torch.nn.LeakyReLU", nonlin_kwargs: { negative_slope: 1 } }),
  };
  const whole = { ...configuration, architecture: { ...architecture, arch_kwargs: changed } };
  return hasNorm ? whole : withoutNorm(whole);
}

function withoutNorm(configuration: JsonObject): JsonObject {
  const extras = configuration["nnunet_ts"];
  return { ...configuration, nnunet_ts: { ...(isJsonObject(extras) ? extras : {}), norm: "none" } };
}

/** `arch_kwargs` of a configuration, its own or inherited; undefined in plans older than v2.2. */
function networkArguments(configurations: JsonObject, name: string, path: string): JsonObject | undefined {
  const seen = new Set<string>();
  for (let key: unknown = name; typeof key === "string" && !seen.has(key); ) {
    seen.add(key);
    const configuration = configurations[key];
    if (!isJsonObject(configuration)) break;
    const architecture = configuration["architecture"];
    if (isJsonObject(architecture))
      return isJsonObject(architecture["arch_kwargs"]) ? architecture["arch_kwargs"] : undefined;
    if ("UNet_class_name" in configuration) return undefined;
    key = configuration["inherits_from"];
  }
  throw new InvalidArtifactError(path, `configurations.${name}.architecture`, "is missing");
}

function weightForm(kwargs: JsonObject | undefined, hasBatchNorms: boolean): WeightForm {
  const own = isJsonObject(kwargs?.["norm_op_kwargs"]) ? kwargs["norm_op_kwargs"] : {};
  // the trainer with batch norms has its own epsilon, and scale and shift
  if (hasBatchNorms) return { isPlainNorm: false, batchNormEpsilon: 1e-5 };
  const epsilon = typeof own["eps"] === "number" ? own["eps"] : 1e-5;
  const isBatch = kwargs !== undefined && usesStatistics(kwargs);
  // torch's own defaults: batch norms have scale and shift, instance norms have none
  const affine = own["affine"] ?? isBatchNorm(kwargs?.["norm_op"]);
  return { isPlainNorm: kwargs !== undefined && affine !== true, ...(isBatch && { batchNormEpsilon: epsilon }) };
}

const isBatchNorm = (name: unknown) => typeof name === "string" && /(^|\.)BatchNorm[23]d$/.test(name);

/** Batch norms, and instance norms that keep statistics, which torch uses in their place when it predicts. */
function usesStatistics({ norm_op, norm_op_kwargs }: JsonObject): boolean {
  return isBatchNorm(norm_op) || (isJsonObject(norm_op_kwargs) && norm_op_kwargs["track_running_stats"] === true);
}
