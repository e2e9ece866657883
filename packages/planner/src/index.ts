export type { Blueprint } from "./blueprint.ts";
export { defaultPlanner } from "./default-planner.ts";
export { featureMapEstimate, type MemoryEstimate, type NetworkSize, paperEstimate } from "./memory-estimate.ts";
export { overridableParameters } from "./overrides.ts";
export { type RuleSet, ruleSets } from "./rule-sets.ts";
export type { Topology, TopologyRule } from "./topology.ts";
export { paperTopology, v1Topology } from "./topology-paper.ts";
export { poolLateTopology } from "./topology-pool-late.ts";
export { v2Topology } from "./topology-v2.ts";
