import { cpus } from "node:os";
import { findConfiguration, isJsonObject, type StageOptions } from "@nnunet/core";
import { whileLocked, writeJsonAtomic, writerOf } from "@nnunet/core/node";
import type { ConfigurationCosts, Costs } from "../budget/costs.ts";
import { probeCosts } from "../budget/probe-costs.ts";
import { preprocessedPaths } from "../folders.ts";
import { contentHash, readRecord } from "../records/made-from.ts";
import { softwareVersion } from "../software-version.ts";
import { identity } from "../stages.ts";
import type { Run } from "./run.ts";
import type { Planned } from "./survey-jobs.ts";

/*
 * `measured_costs.json` of the preprocessed folder: what configurations cost on this machine, by what was measured. It is
 * no part of the list of jobs, which names nothing of a machine.
 */

/** Milliseconds for which what was measured is believed. */
const BELIEVED = 6 * 3600 * 1000;

export interface Measured {
  readonly costs: Costs;
  /** What the measuring took, now or when it was done. */
  readonly seconds: number;
}

interface KeptCosts {
  /** ISO 8601. */
  readonly at: string;
  /** Of measuring it. */
  readonly seconds: number;
  readonly costs: ConfigurationCosts;
}

/**
 * What each configuration costs here: as it was measured within the last hours, or measured now. The first network of a
 * cascade is measured too where only the second one is asked for.
 *
 * @param options.keep - note what is measured; a rehearsal writes nothing
 */
export async function measureCosts(
  run: Run,
  planned: Planned,
  names: readonly string[],
  { keep = true }: { readonly keep?: boolean } = {},
): Promise<Measured> {
  const previousOf = (name: string) => findConfiguration(planned.plans, name).previousConfiguration;
  const withFirsts = (some: readonly string[]) => [
    ...new Set(some.flatMap((name) => [previousOf(name) ?? name, name])),
  ];
  const all = withFirsts(names);
  const path = pathOf(run);
  const key = (name: string) => keyOf(run, planned, name);
  const kept = believed(await readRecord(path));
  const known = all.filter((name) => kept[key(name)]);
  if (known.length > 0) sayUsedAgain(run, path, known, kept[key(known[0]!)]!.at);
  const measured: Record<string, KeptCosts> = Object.fromEntries(known.map((name) => [name, kept[key(name)]!]));
  // The second network of a cascade is measured on what the first one finds.
  const unknown = withFirsts(all.filter((name) => !measured[name]));
  if (unknown.length > 0) {
    const probed = await probeCosts(run.context, run.dataset, planned.plans, unknown, run.options);
    const at = new Date().toISOString();
    for (const name of unknown) measured[name] = { at, ...probed[name]! };
    const entries = Object.entries(measured).map(([name, one]) => [key(name), one]);
    if (keep) await writeJsonAtomic(path, { ...kept, ...Object.fromEntries(entries) });
  }
  return {
    costs: Object.fromEntries(Object.entries(measured).map(([name, { costs }]) => [name, costs])),
    seconds: Object.values(measured).reduce((total, { seconds }) => total + seconds, 0),
  };
}

/** What was measured within the last hours; undefined if any of it was not. Measures nothing. */
export async function keptCosts(run: Run, planned: Planned, names: readonly string[]): Promise<Costs | undefined> {
  const kept = believed(await readRecord(pathOf(run)));
  const costs: Record<string, ConfigurationCosts> = {};
  for (const name of names) {
    const one = kept[keyOf(run, planned, name)];
    if (!one) return undefined;
    costs[name] = one.costs;
  }
  return costs;
}

/** Does what is decided by measured costs while nobody else does for this dataset; a second process waits for the first. */
export function whileMeasuring<T>(
  run: Run,
  names: readonly string[],
  decide: () => Promise<T>,
  { signal, onEvent }: StageOptions,
): Promise<T> {
  const work = `measuring what ${names.join(" and ")} cost here, for a budget`;
  const lock = { wait: { stage: "run" }, ...(signal && { signal }), ...(onEvent && { onEvent }) };
  return whileLocked(pathOf(run), work, decide, lock);
}

/** Who measures costs for this dataset at the moment; undefined if nobody does. */
export function measuringNow(run: Pick<Run, "context" | "dataset">): Promise<string | undefined> {
  return writerOf(pathOf(run));
}

/** All that a measurement depends on: machine, software, data, network, and how it is trained. */
function keyOf({ context, dataset, options, inputHashes }: Run, { plans }: Planned, name: string): string {
  const { stages } = context;
  const { device, workers, sampling, batchSize, baseFeatures, settings } = options;
  const {
    epochs: _,
    seed: _s,
    iterationsPerEpoch,
    validationIterations,
    ...asked
  } = stages.trainer.completeSettings(settings ?? {});
  return contentHash([
    [cpus()[0]?.model, cpus().length, softwareVersion, [...inputHashes]],
    [dataset.name, findConfiguration(plans, name), findConfiguration(plans, name).previousConfiguration],
    [asked, validationIterations / iterationsPerEpoch, sampling, batchSize, baseFeatures, device, workers],
    [stages.preprocessor, stages.batchSampler, stages.trainer, stages.predictor, stages.evaluator].map(identity),
  ]);
}

/** The entries that are whole and not too old; a clock that was set back believes nothing. */
function believed(record: Readonly<Record<string, unknown>>): Readonly<Record<string, KeptCosts>> {
  const isBelieved = (entry: unknown): entry is KeptCosts => {
    if (!isJsonObject(entry) || typeof entry["at"] !== "string" || typeof entry["seconds"] !== "number") return false;
    const age = Date.now() - Date.parse(entry["at"]);
    const costs = entry["costs"];
    const numbers: readonly (keyof ConfigurationCosts)[] = [
      ...(["preprocessCase", "start", "step", "epoch", "predictCase", "evaluateCase", "memoryGb"] as const),
    ];
    return age >= 0 && age < BELIEVED && isJsonObject(costs) && numbers.every((name) => Number.isFinite(costs[name]));
  };
  return Object.fromEntries(
    Object.entries(record).filter((entry): entry is [string, KeptCosts] => isBelieved(entry[1])),
  );
}

function sayUsedAgain({ options }: Run, path: string, names: readonly string[], at: string): void {
  const minutes = Math.round((Date.now() - Date.parse(at)) / 60_000);
  const when = minutes < 1 ? "a moment ago" : minutes < 90 ? `${minutes} min ago` : `${Math.round(minutes / 60)} h ago`;
  const text = `what ${names.join(" and ")} cost here was measured ${when} and is used again; without ${path} it is measured anew`;
  options.onEvent?.({ type: "message", stage: "run", level: "info", text });
}

function pathOf({ context, dataset }: Pick<Run, "context" | "dataset">): string {
  return preprocessedPaths(context.folders, dataset.name).costs;
}
