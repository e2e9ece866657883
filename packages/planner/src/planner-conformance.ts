import {
  type DatasetJson,
  type Fingerprint,
  type Planner,
  type PlannerOptions,
  plansFromJson,
  plansToJson,
} from "@nnunet/core";

/**
 * What any planner must keep to, ours or yours. Checks one dataset and lists every violation, so that a test of any
 * framework can expect an empty list.
 *
 * @example expect(plannerConformance(myPlanner, fingerprint, dataset)).toEqual([]);
 */
export function plannerConformance(
  planner: Planner,
  fingerprint: Fingerprint,
  dataset: DatasetJson,
  options?: PlannerOptions,
): string[] {
  const problems: string[] = [];
  const before = JSON.stringify([fingerprint, dataset, options]);
  const plans = planner.plan(fingerprint, dataset, options);
  const text = JSON.stringify(plansToJson(plans));
  if (JSON.stringify(plansToJson(planner.plan(fingerprint, dataset, options))) !== text) {
    problems.push("planning twice gives two different plans");
  }
  if (JSON.stringify([fingerprint, dataset, options]) !== before) problems.push("planning changes its input");
  try {
    const again = JSON.stringify(plansToJson(plansFromJson(JSON.parse(text), "plans.json")));
    if (again !== text) problems.push("plans.json changes when it is read and written again");
  } catch (error) {
    problems.push(`plans.json cannot be read again: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const [name, { patchSize, batchSize, architecture, normalizationSchemes }] of Object.entries(
    plans.configurations,
  )) {
    for (const [axis, extent] of patchSize.entries()) {
      const divisor = architecture.strides.reduce((product, stride) => product * stride[axis]!, 1);
      if (extent % divisor !== 0) problems.push(`${name}: patch axis ${axis} (${extent}) is no multiple of ${divisor}`);
      if (divisor > 1 && extent / divisor < 4)
        problems.push(`${name}: axis ${axis} shrinks to ${extent / divisor} voxels`);
    }
    if (!(batchSize >= 1)) problems.push(`${name}: batch size ${batchSize}`);
    if (normalizationSchemes.length !== dataset.channelNames.length) {
      problems.push(
        `${name}: ${normalizationSchemes.length} normalization schemes for ${dataset.channelNames.length} channels`,
      );
    }
  }
  return problems;
}
