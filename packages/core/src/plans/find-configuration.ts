import type { Configuration, Plans } from "../artefacts.ts";
import { UnknownStageError } from "../errors.ts";

/**
 * One configuration of a plan.
 *
 * @throws {UnknownStageError} naming those that the plan has
 */
export function findConfiguration(plans: Plans, name: string): Configuration {
  // "constructor" and the like are no configurations
  const configuration = Object.hasOwn(plans.configurations, name) ? plans.configurations[name] : undefined;
  if (!configuration) throw new UnknownStageError("configuration", name, Object.keys(plans.configurations));
  return configuration;
}
