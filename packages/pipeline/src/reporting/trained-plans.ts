import { type Configuration, type Plans, plansFromJson, type RawDataset } from "@nnunet/core";
import { exists, readJson } from "@nnunet/core/node";
import { type Folders, resultsPaths } from "../folders.ts";

/** The plan with each configuration as it was trained, which may be with a smaller network or batch; else as planned. */
export async function asTrained(folders: Folders, dataset: RawDataset, plans: Plans): Promise<Plans> {
  const configurations: Record<string, Configuration> = {};
  for (const [name, planned] of Object.entries(plans.configurations)) {
    const { plans: path } = resultsPaths(folders, dataset.name, plans.plansName, name);
    const trained = (await exists(path)) ? plansFromJson(await readJson(path), path).configurations[name] : undefined;
    configurations[name] = trained ?? planned;
  }
  return { ...plans, configurations };
}

/** A sentence per configuration that was trained with another network or batch than the plan says. */
export function reductions(planned: Plans, trained: Plans): string[] {
  return Object.entries(planned.configurations).flatMap(([name, plan]) => {
    const own = trained.configurations[name]!;
    const [features, plannedFeatures] = [own, plan].map(({ architecture }) => architecture.featuresPerStage.join(" "));
    const differences = [
      ...(features === plannedFeatures ? [] : [`features ${features} instead of ${plannedFeatures}`]),
      ...(own.batchSize === plan.batchSize ? [] : [`batch ${own.batchSize} instead of ${plan.batchSize}`]),
    ];
    if (differences.length === 0) return [];
    return [`${name} was trained with another network or batch than planned: ${differences.join(", ")}.`];
  });
}
