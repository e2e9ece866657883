import type { Trainer } from "@nnunet/core";

/**
 * What the settings of any trainer must keep to: whole, plain JSON, the same when they are completed again. Lists every
 * violation, so that a test of any framework can expect an empty list.
 */
export function trainerConformance<Settings extends object>(trainer: Trainer<Settings>): string[] {
  const settings = trainer.completeSettings({});
  const text = JSON.stringify(settings);
  const problems: string[] = [];
  if (JSON.stringify(trainer.completeSettings(settings)) !== text) {
    problems.push("completing whole settings changes them, so a training could not be continued");
  }
  if (JSON.stringify(trainer.completeSettings(JSON.parse(text) as Settings)) !== text) {
    problems.push("settings change when they are written and read again");
  }
  for (const key of ["seed", "epochs", "iterationsPerEpoch", "validationIterations"]) {
    const value: unknown = (settings as Readonly<Record<string, unknown>>)[key];
    if (!Number.isInteger(value)) problems.push(`settings.${key} is ${String(value)}; the pipeline needs an integer`);
  }
  return problems;
}
