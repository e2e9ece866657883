import type { DatasetJson, Decision } from "@nnunet/core";
import type { PlannedNetwork, PlanningContext } from "./plan-network.ts";
export function comparedWithPaper(_d: DatasetJson, _n: readonly PlannedNetwork[], _x: PlanningContext): Decision[] {
  return [];
}
