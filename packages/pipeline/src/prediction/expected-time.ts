import {
  type Configuration,
  elementCount,
  inputChannels,
  labelSet,
  throwIfCancelled,
  type VolumeShape,
} from "@nnunet/core";
import { usableCores } from "@nnunet/core/node";
import type { Model } from "@nnunet/inference";

/** Runs of a network, and the image that they are for. */
export interface ExpectedWork {
  readonly model: Model;
  /** Positions × mirrored copies × folds. */
  readonly runs: number;
  /** Of the original image and the one that the network sees, together. */
  readonly voxels: number;
}

/*
 * Of a server core of 2023 with AVX-512, two of them together, 2026-11-27; where it takes a minute and more, the network is
 * measured instead.
 */
/** Multiply-adds of the network per second and core: in blocks a third of them is saved, in standard kernels none. */
const CORE_SPEED = { blocked: 180e9, standard: 50e9 };
/** Seconds and cores per number of the first features: norms and activations of all stages. */
const FEATURE = 50e-9;
/** Seconds per number of an answer: copied, activation, added. */
const LOGIT = 8e-9;
/** Seconds per voxel: read, preprocessed, decided, written. */
const VOXEL = 0.3e-6;
/** Seconds that a run of even the smallest network takes. */
const RUN = 0.005;

/** From so many expected seconds on the network is timed before the work. */
const WORTH_MEASURING = 60;
/** Seconds that this takes at most, but for its last run. */
const MEASURING = 1;

/** What is expected, and whether the networks were timed for it. */
export interface ExpectedTime {
  readonly seconds: number;
  readonly measured: boolean;
}

/** The time of some work. */
export type TimeOf = (work: readonly ExpectedWork[]) => ExpectedTime;

/** From the operations of the network alone, so that it is the same on every day. */
export function expectedSeconds(work: readonly ExpectedWork[]): number {
  return inAll(work, (model) => {
    const { plans, configuration, dataset } = model.metadata;
    const { patchSize, architecture } = plans.configurations[configuration]!;
    const operations = networkOperations(
      plans.configurations[configuration]!,
      inputChannels(model.metadata),
      labelSet(dataset).outputChannels,
    );
    const speed = model.kernels?.startsWith("in blocks") ? CORE_SPEED.blocked : CORE_SPEED.standard;
    const features = elementCount(patchSize) * architecture.featuresPerStage[0]!;
    return RUN + (operations / speed + features * FEATURE) / usableCores();
  });
}

/**
 * The same from the clock, where all of the work will take longer than a minute: each network runs a few patches.
 *
 * @throws {CancelledError} if `signal` is aborted; checked before each network
 * @returns the time of all of the work, or of a part of it
 */
export async function timeNetworks(work: readonly ExpectedWork[], signal?: AbortSignal): Promise<TimeOf> {
  if (expectedSeconds(work) < WORTH_MEASURING) {
    return (part) => ({ seconds: expectedSeconds(part), measured: false });
  }
  const measured = new Map<Model, number>();
  for (const { model } of work) {
    throwIfCancelled(signal, "prediction");
    if (!measured.has(model)) measured.set(model, await secondsOfRun(model));
  }
  return (part) => ({ seconds: inAll(part, (model) => measured.get(model)!), measured: true });
}

function inAll(work: readonly ExpectedWork[], secondsOf: (model: Model) => number): number {
  let total = 0;
  for (const { model, runs, voxels } of work) {
    const { plans, configuration, dataset } = model.metadata;
    const answer = elementCount(plans.configurations[configuration]!.patchSize) * labelSet(dataset).outputChannels;
    total += runs * (secondsOf(model) + answer * LOGIT) + voxels * VOXEL;
  }
  return total;
}

/** The fastest of the first runs of a network. */
async function secondsOfRun(model: Model): Promise<number> {
  const { patchSize } = model.metadata.plans.configurations[model.metadata.configuration]!;
  const shape = [1, inputChannels(model.metadata), ...patchSize];
  const patch = Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i));
  let fastest = Number.POSITIVE_INFINITY;
  const began = performance.now();
  do {
    const start = performance.now();
    const { data } = await model.run(patch, shape, () => {});
    fastest = Math.min(fastest, performance.now() - start);
    model.letGo?.(data);
  } while (performance.now() - began < MEASURING * 1000);
  return fastest / 1000;
}

/** What an image is in voxels here: as it is stored, and as the network sees it. */
export function voxelsOfWork([channels, ...stored]: VolumeShape, resampled: readonly number[]): number {
  return channels * (elementCount(stored) + elementCount(resampled));
}

/** Multiply-adds of the convolutions for one patch; the rest is small beside them. */
export function networkOperations(
  { patchSize, architecture: net }: Configuration,
  inputChannels: number,
  outputChannels: number,
): number {
  const stages = net.strides.length;
  const voxels = [elementCount(patchSize)];
  for (let stage = 1; stage < stages; stage++) voxels.push(voxels[stage - 1]! / elementCount(net.strides[stage]!));
  let total = voxels[0]! * net.featuresPerStage[0]! * outputChannels;
  for (let stage = 0; stage < stages; stage++) {
    const features = net.featuresPerStage[stage]!;
    const before = stage === 0 ? inputChannels : net.featuresPerStage[stage - 1]!;
    const kernel = elementCount(net.kernelSizes[stage]!);
    const convolutions = net.convsPerStage[stage]! * (net.kind === "plain" ? 1 : 2);
    total += voxels[stage]! * kernel * (before * features + (convolutions - 1) * features ** 2);
    const decoder = net.convsPerStageDecoder[stage];
    if (decoder === undefined) continue;
    total += voxels[stage]! * kernel * (2 * features * features + (decoder - 1) * features ** 2);
    total += voxels[stage]! * features * net.featuresPerStage[stage + 1]!; // the transposed convolution
  }
  return total;
}
