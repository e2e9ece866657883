import {
  type DatasetJson,
  type Fingerprint,
  type IntensityProperties,
  InvalidArgumentError,
  InvalidArtifactError,
  labelSet,
  median,
  noForeground,
} from "@nnunet/core";
import { drawsPerCase } from "./draw-voxels.ts";
import { emptyHistogram, type IntensityHistogram, mergeHistograms, percentile } from "./intensity-histogram.ts";
import type { CaseMeasurement, CaseRecord, ForegroundMoments } from "./measure-case.ts";

/**
 * Several measurements as one. Merging as the cases come in keeps memory at one histogram per channel, however many
 * cases there are; the fingerprint is the same, bit for bit, as from all measurements at once in any order.
 */
export function mergeMeasurements(measurements: readonly CaseMeasurement[]): CaseMeasurement {
  const merged = (kind: "histograms" | "drawnHistograms") => {
    const channels = Math.max(0, ...measurements.map((measurement) => measurement[kind].length));
    return Array.from({ length: channels }, (_, channel) =>
      measurements.reduce((all, each) => mergeHistograms(all, each[kind][channel] ?? emptyHistogram), emptyHistogram),
    );
  };
  return {
    cases: measurements.flatMap((measurement) => measurement.cases),
    histograms: merged("histograms"),
    drawnHistograms: merged("drawnHistograms"),
  };
}

/**
 * The fingerprint of a dataset from the measurements of its cases. Cases are taken in the order of their ids, so the
 * result does not depend on how they were distributed over workers, nor on the order in which they came back.
 *
 * @throws {InvalidArgumentError} if there is no case, two cases share an id, or they were measured as cases of a dataset with
 *   more or fewer of them
 * @throws {InvalidArtifactError} if no case has a foreground voxel
 */
export function combineMeasurements(measurements: readonly CaseMeasurement[], dataset: DatasetJson): Fingerprint {
  const { cases, histograms, drawnHistograms } = mergeMeasurements(measurements);
  if (cases.length === 0) throw new InvalidArgumentError("measurements", "at least one training case", cases);
  const sorted = [...cases].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const twice = sorted.find((record, i) => record.id === sorted[i + 1]?.id);
  if (twice) throw new InvalidArgumentError("measurements", "every case once", twice.id);

  checkDraws(sorted);

  const labels = labelSet(dataset);
  return {
    spacings: sorted.map((record) => record.spacing),
    shapesAfterCrop: sorted.map((record) => record.shapeAfterCrop),
    foregroundIntensityPerChannel: intensities(sorted, "drawn", drawnHistograms),
    pooledForegroundIntensityPerChannel: intensities(sorted, "foreground", histograms),
    medianRelativeSizeAfterCropping: median(sorted.map(relativeSizeAfterCropping)),
    caseIds: sorted.map((record) => record.id),
    shapesBeforeCrop: sorted.map((record) => record.shapeBeforeCrop),
    classRatios: classRatios(sorted, labels.allowed, labels.ignoreLabel),
    numberOfClasses: labels.regions?.length ?? labels.foreground.length,
    modalities: dataset.channelNames,
  };
}

/** nnU-Net v2 draws ⌊10⁸ / cases⌋ voxels of a case, so each must have been measured as one of all that are there. */
function checkDraws(cases: readonly CaseRecord[]): void {
  const expected = drawsPerCase(cases.length);
  for (const { id, drawn } of cases) {
    const other = drawn.find(({ count }) => count !== 0 && count !== expected);
    if (!other) continue;
    const what = `${expected} drawn voxels, as of ${cases.length} cases; measure with dataset.numTraining ${cases.length}`;
    throw new InvalidArgumentError(`measurement of case ${id}`, what, other.count);
  }
}

function intensities(
  cases: readonly CaseRecord[],
  which: "foreground" | "drawn",
  histograms: readonly IntensityHistogram[],
): IntensityProperties[] {
  return histograms.map((histogram, channel) => {
    const moments = pooledMoments(cases.map((record) => record[which][channel]!));
    return {
      ...moments,
      median: percentile(histogram, 50),
      percentile005: clamp(percentile(histogram, 0.5), moments),
      percentile995: clamp(percentile(histogram, 99.5), moments),
    };
  });
}

/** Mean, population standard deviation and range over all cases (Chan, Golub & LeVeque 1979: parallel variance). */
function pooledMoments(
  perCase: readonly ForegroundMoments[],
): Pick<IntensityProperties, "mean" | "std" | "min" | "max"> {
  let [count, mean, squares] = [0, 0, 0];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const added of perCase) {
    if (added.count === 0) continue;
    const difference = added.mean - mean;
    const total = count + added.count;
    squares += added.squares + (difference * difference * count * added.count) / total;
    mean += (difference * added.count) / total;
    count = total;
    min = Math.min(min, added.min);
    max = Math.max(max, added.max);
  }
  if (count === 0) {
    throw new InvalidArtifactError("labelsTr", "", noForeground);
  }
  return { mean, std: Math.sqrt(squares / count), min, max };
}

function classRatios(cases: readonly CaseRecord[], allowed: readonly number[], ignore: number | undefined) {
  const ids = allowed.filter((id) => id !== ignore);
  const voxels = ids.map((id) => cases.reduce((sum, { labelVoxels }) => sum + (labelVoxels[String(id)] ?? 0), 0));
  const total = voxels.reduce((sum, n) => sum + n, 0);
  return Object.fromEntries(ids.map((id, i) => [String(id), total === 0 ? 0 : voxels[i]! / total]));
}

function relativeSizeAfterCropping({ shapeBeforeCrop: before, shapeAfterCrop: after }: CaseRecord): number {
  return (after[0] * after[1] * after[2]) / (before[0] * before[1] * before[2]);
}

function clamp(value: number, { min, max }: { min: number; max: number }): number {
  return Math.min(Math.max(value, min), max);
}
