export type { Blueprint } from "./rules/blueprint.ts";
export {
  comparePlans,
  type DifferenceCause,
  type PlanComparison,
  type PlanDifference,
} from "./explanation/compare-plans.ts";
export { defaultPlanner } from "./default-planner.ts";
export { type DrawingOptions, drawNetwork } from "./explanation/draw-network.ts";
export { explainPlans } from "./explanation/explain-plans.ts";
export { featureMapEstimate, type MemoryEstimate, type NetworkSize, paperEstimate } from "./rules/memory-estimate.ts";
export { overridableParameters } from "./rules/overrides.ts";
export { planWarnings } from "./explanation/plan-warnings.ts";
export { plannerConformance } from "./planner-conformance.ts";
export { plansTable } from "./explanation/plans-table.ts";
export { type RuleSet, ruleSets } from "./rules/rule-sets.ts";
export type { Topology, TopologyRule } from "./rules/topology.ts";
export { paperTopology, v1Topology } from "./rules/topology-paper.ts";
export { poolLateTopology } from "./rules/topology-pool-late.ts";
export { v2Topology } from "./rules/topology-v2.ts";
