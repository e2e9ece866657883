import type { Configuration, Decision } from "@nnunet/core";
import type { CascadeSearch } from "./low-resolution.ts";
import type { PlannedNetwork, PlanningContext } from "./plan-network.ts";
export function decideNetwork(_n: PlannedNetwork, _c: Configuration, _x: PlanningContext): Decision[] {
  return [];
}
export function decideCascade(_n: PlannedNetwork, _s: CascadeSearch, _x: PlanningContext): Decision[] {
  return [];
}
