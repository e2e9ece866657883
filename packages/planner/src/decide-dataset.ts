import type { DatasetJson, Decision, Fingerprint, PlannerOptions } from "@nnunet/core";
import type { ChannelPreprocessing } from "./default-planner.ts";
import { patchBudget } from "./batch-size.ts";
import type { PlanningContext } from "./plan-network.ts";
import type { TargetSpacing } from "./target-spacing.ts";
export function decideDataset(
  _f: Fingerprint,
  _d: DatasetJson,
  _c: PlanningContext,
  _x: ChannelPreprocessing & {
    target: TargetSpacing;
    options: PlannerOptions;
    forward: readonly number[];
    medianShape: readonly number[];
  },
): Decision[] {
  void patchBudget;
  return [];
}
export function decideConfigurations(names: readonly string[], _m: readonly number[]): Decision {
  return {
    configuration: "dataset",
    rule: "configurations",
    source: "",
    inputs: {},
    result: names,
    rejected: [],
    text: "",
  };
}
