import { rm } from "node:fs/promises";
import { isJsonObject } from "@nnunet/core";
import { exists, whileLocked, writeJsonAtomic } from "@nnunet/core/node";
import { shownBudget } from "../budget/budget-clock.ts";
import type { GivenUp } from "../budget/given-up.ts";
import { type Fold, type Folders, givenUpPath, resultsPaths } from "../folders.ts";
import { readRecord, recordedHash } from "./made-from.ts";

/*
 * `given_up__<plans>.json` of the dataset's results: what was not done because a budget was kept, for whoever judges what
 * came out. It is never stale: whoever trains takes out what is no longer given up.
 */

/** A training that would end something's being given up, unless it is the one that was there at the time. */
interface Awaited {
  readonly configuration: string;
  readonly fold: Fold;
  /** Hash of what the training was made from that was there; absent where there was none. */
  readonly otherThan?: string;
}

interface Entry {
  readonly sentence: string;
  /** It is no longer given up when all of these are there. */
  readonly until: readonly Awaited[];
}

/** A plan of a dataset, and where its trainings lie. */
interface Place {
  readonly folders: Folders;
  readonly dataset: string;
  readonly plansName: string;
}

/** What the trainings that are there lack because of a budget. */
export interface GivenUpRecord {
  /** "60 min" */
  readonly budget: string;
  /** Sentences. */
  readonly givenUp: readonly string[];
}

/**
 * Notes what a budget gave up, once its trainings are over.
 *
 * @param trainings - that were done
 */
export async function keepGivenUp(
  place: Place,
  budgetSeconds: number,
  givenUp: readonly GivenUp[],
  trainings: readonly Pick<Awaited, "configuration" | "fold">[],
): Promise<void> {
  const entries: Entry[] = [];
  for (const { sentence, missing } of givenUp) {
    const until: Awaited[] = [];
    for (const { configuration, fold } of missing.length > 0 ? missing : trainings) {
      const otherThan = await trainedFrom(place, configuration, fold);
      until.push({ configuration, fold, ...(otherThan !== undefined && { otherThan }) });
    }
    entries.push({ sentence, until });
  }
  await whileWritten(place, (path) => write(path, shownBudget(budgetSeconds), entries));
}

/** Takes out what is no longer given up, since somebody has trained it. */
export async function dropWhatIsTrained(place: Place): Promise<void> {
  if (!(await exists(pathOf(place)))) return;
  await whileWritten(place, async (path) => {
    const record = await readRecord(path);
    const entries = entriesOf(record);
    const left: Entry[] = [];
    for (const entry of entries) if (!(await isTrained(place, entry))) left.push(entry);
    if (left.length < entries.length) await write(path, String(record["budget"]), left);
  });
}

async function isTrained(place: Place, { until }: Entry): Promise<boolean> {
  for (const { configuration, fold, otherThan } of until) {
    const trained = await trainedFrom(place, configuration, fold);
    if (trained === undefined || trained === otherThan) return false;
  }
  return true;
}

/** Hash of what a finished training was made from; undefined where there is none. */
async function trainedFrom({ folders, dataset, plansName }: Place, configuration: string, fold: Fold) {
  const { model, madeFrom } = resultsPaths(folders, dataset, plansName, configuration).fold(fold);
  return (await exists(model)) ? recordedHash(madeFrom, "training") : undefined;
}

async function write(path: string, budget: string, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return rm(path, { force: true });
  const record: GivenUpRecord = { budget, givenUp: entries.map(({ sentence }) => sentence) };
  await writeJsonAtomic(path, { ...record, until: entries.map(({ until }) => until) });
}

function entriesOf({ givenUp, until }: Readonly<Record<string, unknown>>): Entry[] {
  if (!Array.isArray(givenUp)) return [];
  return givenUp.map((sentence, i) => {
    const awaited = Array.isArray(until) && Array.isArray(until[i]) ? until[i].filter(isJsonObject) : [];
    return { sentence: String(sentence), until: awaited as unknown as Awaited[] };
  });
}

function whileWritten(place: Place, work: (path: string) => Promise<void>): Promise<void> {
  const path = pathOf(place);
  return whileLocked(path, "noting what a budget gave up", () => work(path), { wait: { stage: "record" } });
}

const pathOf = ({ folders, dataset, plansName }: Place) => givenUpPath(folders, dataset, plansName);
