import { type Configuration, listed, type Plans, plansFromJson, type RawDataset } from "@nnunet/core";
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

/** Sentences of the configurations that were trained with another network or batch than the plan says, those alike in one. */
export function reductions(planned: Plans, trained: Plans): string[] {
  const alike = new Map<string, string[]>();
  for (const [name, plan] of Object.entries(planned.configurations)) {
    const own = trained.configurations[name]!;
    const [features, plannedFeatures] = [own, plan].map(({ architecture }) => architecture.featuresPerStage.join(" "));
    const differences = [
      ...(features === plannedFeatures ? [] : [`features ${features} instead of ${plannedFeatures}`]),
      ...(own.batchSize === plan.batchSize ? [] : [`batch ${own.batchSize} instead of ${plan.batchSize}`]),
    ];
    if (differences.length === 0) continue;
    alike.set(differences.join(", "), [...(alike.get(differences.join(", ")) ?? []), name]);
  }
  return [...alike].map(
    ([differences, names]) =>
      `${listed(names)} ${names.length === 1 ? "was" : "were"} trained with another network or batch than planned: ${differences}.`,
  );
}
