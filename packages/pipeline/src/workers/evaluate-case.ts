import {
  type EvaluationSummary,
  type Evaluator,
  ImageFileError,
  type LabelSet,
  ShapeMismatchError,
  type SurfaceMetrics,
  spatialShape,
  type Volume,
  type VoxelArray,
} from "@nnunet/core";
import { checkedMetrics, surfaceMetrics } from "@nnunet/evaluate";
import { placementDifference, saysItsPlace, saysItsSpacing } from "@nnunet/io";
import { readWholeLabels } from "../steps/read-whole-labels.ts";

export interface EvaluateTask {
  readonly reference: string;
  readonly prediction: string;
  readonly labels: LabelSet;
  readonly misplaced: "refuse" | "warn";
  /** Absent: counts alone. */
  readonly surfaceToleranceMm?: number | undefined;
}

export interface CaseEvaluation {
  readonly evaluated: EvaluationSummary["cases"][number];
  readonly warnings: readonly string[];
}

/**
 * Compares one prediction with its reference, by the evaluator given: in a worker thread or in the main one.
 *
 * @throws {ShapeMismatchError} if the two differ in shape
 * @throws {ImageFileError} if they differ in spacing, direction or origin by more than rounding, unless that is only warned of
 */
export async function evaluateCaseFiles(
  evaluator: Evaluator,
  { reference, prediction, labels, misplaced, surfaceToleranceMm }: EvaluateTask,
): Promise<CaseEvaluation> {
  const [expected, predicted] = [await readWholeLabels(reference), await readWholeLabels(prediction)];
  const warnings = [
    ...warnOfPlace(expected, predicted, reference, prediction, misplaced),
    ...warnOfUndeclared(predicted.data, labels, prediction),
  ];
  const evaluated = {
    referenceFile: reference,
    predictionFile: prediction,
    metrics: checkedMetrics(evaluator.caseMetrics(expected.data, predicted.data, labels), labels, evaluator.name),
  };
  if (surfaceToleranceMm === undefined) return { evaluated, warnings };
  const inMillimetres = saysItsSpacing(expected.geometry);
  if (!inMillimetres) {
    warnings.push(`${reference}: says no spacing, so its distances are in pixels and its volumes have no unit`);
  }
  const surfaces = surfaceMetrics(
    expected.data,
    predicted.data,
    spatialShape(expected),
    expected.geometry.spacing,
    labels,
    { tolerance: surfaceToleranceMm },
  );
  return { evaluated: { ...evaluated, surfaces: inMillimetres ? surfaces : withoutVolumes(surfaces) }, warnings };
}

/** What was only warned of; the rest is thrown. */
function warnOfPlace(
  expected: Volume,
  predicted: Volume,
  reference: string,
  prediction: string,
  misplaced: "refuse" | "warn",
): string[] {
  if (expected.shape.join() !== predicted.shape.join()) {
    const why = `it is compared with ${reference}`;
    throw new ShapeMismatchError(prediction, spatialShape(expected), spatialShape(predicted), why, "image");
  }
  const isPlaced = saysItsPlace(reference) && saysItsPlace(prediction);
  const apart = isPlaced ? placementDifference(expected.geometry, predicted.geometry) : undefined;
  if (apart === undefined) return [];
  const problem = `differs from ${reference}: [${apart.second}] here, [${apart.first}] there`;
  if (misplaced === "refuse") {
    const why = "voxel by voxel the score would be wrong; resample or reorient the prediction onto the reference";
    throw new ImageFileError(prediction, apart.field, `${problem}; ${why}`);
  }
  return [`${prediction} → ${apart.field}: ${problem}; compared voxel by voxel`];
}

function warnOfUndeclared(data: VoxelArray, { allowed }: LabelSet, prediction: string): string[] {
  const known = new Set(allowed);
  const unknown = new Set<number>();
  let last = Number.NaN; // runs of equal labels are long: the sets are touched once per run
  for (let i = 0; i < data.length; i++) {
    if (data[i] === last) continue;
    last = data[i]!;
    if (!known.has(last)) unknown.add(last);
  }
  if (unknown.size === 0) return [];
  const labels = [...unknown].sort((a, b) => a - b);
  const listed = `label${labels.length === 1 ? "" : "s"} ${labels.join(", ")}`;
  return [`${prediction}: has ${listed}, not declared (${allowed.join(", ")}); counted as background`];
}

/** The third axis of a picture has no extent, so neither has it a volume. */
function withoutVolumes(surfaces: Readonly<Record<string, SurfaceMetrics>>): Record<string, SurfaceMetrics> {
  return Object.fromEntries(
    Object.entries(surfaces).map(([key, metrics]) => [key, { ...metrics, volumeErrorMl: Number.NaN }]),
  );
}
