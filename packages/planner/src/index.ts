export type { Blueprint } from "./blueprint.ts";
export { defaultPlanner } from "./default-planner.ts";
export { overridableParameters } from "./overrides.ts";
export { type RuleSet, ruleSets } from "./rule-sets.ts";
