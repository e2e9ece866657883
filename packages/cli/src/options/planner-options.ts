import { InvalidArgumentError, type PlannerOptions } from "@nnunet/core";

interface PlannerFlags {
  readonly planner?: string;
  readonly gpuMemory?: number;
  readonly set?: readonly string[];
}

/**
 * The flags that say how a plan is made as the planner's options.
 *
 * @throws {InvalidArgumentError} if an override has no name
 * @example plannerOptionsOf({ set: ["norm=batch", "convsPerStage=[3]"] }); // { overrides: { norm: "batch", convsPerStage: [3] } }
 */
export function plannerOptionsOf({ planner, gpuMemory, set }: PlannerFlags): PlannerOptions {
  return {
    ...(planner === undefined ? {} : { ruleSet: planner }),
    ...(gpuMemory === undefined ? {} : { gpuMemoryGb: gpuMemory }),
    ...(set ? { overrides: Object.fromEntries(set.map(override)) } : {}),
  };
}

/** A name and its value, which is JSON, or a text as it stands. */
function override(text: string): [name: string, value: unknown] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("--set", "name=value", text);
  try {
    return [text.slice(0, at), JSON.parse(text.slice(at + 1))];
  } catch {
    return [text.slice(0, at), text.slice(at + 1)];
  }
}
