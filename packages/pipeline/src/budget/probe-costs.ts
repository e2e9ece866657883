import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { elementCount, findConfiguration, type Plans, type RawDataset } from "@nnunet/core";
import { readImageInfo } from "@nnunet/io";
import { preprocessDataset } from "../steps/preprocess-dataset.ts";
import type { Context } from "../stages.ts";
import type { PoolOptions } from "../workers/case-pool.ts";
import { type TrainOptions, trainFold } from "../training/train-fold.ts";
import type { ConfigurationCosts, TrainingCosts } from "./costs.ts";
import { trainingTimes } from "./training-times.ts";
import { watchMemory } from "./watch-memory.ts";

/** Two epochs: the first one warms up, the second one is measured. */
const EPOCHS = 2;
/** A measured epoch that was shorter than this is measured again with more steps. */
const SHORTEST_SECONDS = 3;
const MOST_STEPS = 200;
/** Of a small case, preprocessed together. */
const COPIES = 8;

/**
 * Measures what each configuration costs here: one case of average size is preprocessed, trained on for a few steps, and
 * predicted, by the real stages, in a scratch folder that is removed. Configurations that others come before need those
 * among the names, earlier.
 *
 * @returns by name; `seconds` is what the measuring took
 */
export async function probeCosts(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  names: readonly string[],
  options: TrainOptions,
): Promise<Record<string, { readonly seconds: number; readonly costs: ConfigurationCosts }>> {
  const scratch = await mkdtemp(join(tmpdir(), "nnunet-probe-"));
  const folders = {
    ...context.folders,
    preprocessed: join(scratch, "preprocessed"),
    results: join(scratch, "results"),
  };
  const probed = { ...context, folders };
  const probes: Record<string, { readonly seconds: number; readonly costs: ConfigurationCosts }> = {};
  const preprocessCase = new Map<string, number>();
  try {
    const few = { ...dataset, trainingCases: [await caseOfAverageSize(dataset)] };
    const say = (text: string) => options.onEvent?.({ type: "message", stage: "run", level: "info", text });
    for (const name of names) {
      say(`measuring what ${name} costs on this machine`);
      const { dataIdentifier } = findConfiguration(plans, name);
      const { signal, workers, maxMemoryGb } = options;
      const memory = watchMemory();
      const started = performance.now();
      try {
        if (!preprocessCase.has(dataIdentifier)) {
          const pool = { signal, workers, maxMemoryGb, verified: true };
          preprocessCase.set(dataIdentifier, await probePreprocessing(probed, few, plans, name, pool));
        }
        const measured = await probeTraining(probed, few, plans, name, options);
        probes[name] = {
          seconds: (performance.now() - started) / 1000,
          costs: { preprocessCase: preprocessCase.get(dataIdentifier)!, ...measured, memoryGb: memory.peakGb() },
        };
      } finally {
        memory.stop();
      }
    }
    return probes;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Seconds per case of many, which worker threads share; to start these takes longer than a small case. */
async function probePreprocessing(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  name: string,
  pool: PoolOptions,
): Promise<number> {
  const secondsOf = async (some: RawDataset) => {
    const began = performance.now();
    await preprocessDataset(context, some, plans, [name], pool);
    return (performance.now() - began) / 1000;
  };
  const one = await secondsOf(dataset);
  if (one >= SHORTEST_SECONDS) return one;
  const again = Array.from({ length: COPIES }, (_, i) => {
    const [files] = dataset.trainingCases;
    return { ...files!, id: `${files!.id}_${i}` };
  });
  return (await secondsOf({ ...dataset, trainingCases: again })) / COPIES;
}

async function probeTraining(
  context: Context,
  dataset: RawDataset,
  plans: Plans,
  name: string,
  options: TrainOptions,
): Promise<Omit<TrainingCosts, "memoryGb">> {
  const asked = context.stages.trainer.completeSettings(options.settings ?? {});
  const validationShare = asked.validationIterations / asked.iterationsPerEpoch;
  const measure = async (iterationsPerEpoch: number) => {
    const times = trainingTimes();
    const settings = { ...options.settings, epochs: EPOCHS, iterationsPerEpoch, validationIterations: 1 };
    const { sampling, batchSize, baseFeatures, device, workers, maxMemoryGb, signal } = options;
    const size = { ...(batchSize && { batchSize }), ...(baseFeatures && { baseFeatures }) };
    await trainFold(context, dataset, plans, name, "all", {
      ...size,
      ...{ settings, sampling, device, workers, maxMemoryGb, signal },
      existing: "overwrite",
      onEvent: times.hear,
    });
    return times.costs({ iterationsPerEpoch, validationIterations: 1, validationShare, cases: 1 })!;
  };
  const first = await measure(1);
  const steps = Math.min(MOST_STEPS, Math.ceil((1.2 * SHORTEST_SECONDS) / first.step));
  return steps < 3 ? first : measure(steps);
}

/** The case whose image is nearest to the mean number of cubic millimetres: prediction takes time by volume. */
async function caseOfAverageSize({ trainingCases }: RawDataset): Promise<RawDataset["trainingCases"][number]> {
  const volumes: number[] = [];
  for (const { images } of trainingCases) {
    const { shape, geometry } = await readImageInfo(images[0]!);
    volumes.push(elementCount(shape) * geometry.spacing.reduce((product, spacing) => product * spacing, 1));
  }
  const mean = volumes.reduce((total, volume) => total + volume, 0) / volumes.length;
  const distance = volumes.map((volume) => Math.abs(volume - mean));
  return trainingCases[distance.indexOf(Math.min(...distance))]!;
}
