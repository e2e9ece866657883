import {
  counted,
  elementCount,
  InvalidArtifactError,
  type Shape3,
  ShapeMismatchError,
  type StageOptions,
  throwIfCancelled,
  type VolumeShape,
} from "@nnunet/core";
import type { Placement } from "./add-prediction.ts";
import { type AxisWindows, layPatches, type Patch, windowsOf } from "./axis-windows.ts";
import type { CommonNetwork } from "./common-network.ts";
import { addBackground, airLevels, backgroundPart, isEmptyPatch } from "./empty-patches.ts";
import { type AnswerPart, placementOfPart } from "./head/answer-parts.ts";
import type { InputPlanes } from "./input-planes.ts";
import type { Model } from "./load-model.ts";
import { copyPatch, type Mirroring, mirrorings } from "./mirrored-patch.ts";
import { patchesPerRun } from "./patches-per-run.ts";
import type { ScoreRows } from "./score-rows.ts";
import { finalPlanes, totalRuns, touchedPlanes, type WindowSchedule, windowSchedule } from "./window-schedule.ts";

export interface PredictCaseOptions extends StageOptions {
  /** Stride between patches as a fraction of the patch, in (0, 1]; 0.5 by default. */
  readonly stepFraction?: number;
  /** Average over all mirrored copies that the model was trained for; true by default. */
  readonly mirroring?: boolean;
  /**
   * Of CT: do not run the network where a patch shows nothing but air, and take that for background. A shortcut that may change
   * voxels; false by default.
   */
  readonly bodyMask?: boolean;
  /** Weight the centre of a patch more than its border; true by default. */
  readonly gaussian?: boolean;
  /** Patches (mirrored copies counted) given to the network at once; 1 by default, more for small patches. */
  readonly patchesPerRun?: number;
}

/** A sliding window that is laid out over an image and has not begun. */
export interface SlidingWindow {
  readonly windows: readonly AxisWindows[];
  readonly copies: readonly Mirroring[];
  readonly schedule: WindowSchedule;
  /** Of the scores, [class or region, z, y, x]. */
  readonly shape: VolumeShape;
  /** [z, y, x] */
  readonly patchSize: Shape3;
}

/** @throws {ShapeMismatchError} if the image has another number of channels than the model */
export function slidingWindow(
  network: CommonNetwork,
  { id, shape: [channels, ...size] }: Pick<InputPlanes, "id" | "shape">,
  options: PredictCaseOptions,
): SlidingWindow {
  const { stepFraction = 0.5, mirroring = true, gaussian = true } = options;
  if (channels !== network.inputChannels) {
    const [expected, got] = [network.inputChannels, channels].map((n) => [n, ...size]);
    throw new ShapeMismatchError(`preprocessed case ${id}`, expected!, got!, "the model needs these channels");
  }
  const { patchSize } = network;
  const windows = windowsOf(size, patchSize, stepFraction, gaussian);
  const copies = mirrorings(mirroring ? network.mirrorAxes : []);
  const [z, y, x] = windows.map((along) => along.starts);
  const atOnce = patchesPerRun(options.patchesPerRun, patchSize);
  const schedule = windowSchedule(z!, y!.length * x!.length, copies.length, atOnce, size[0], patchSize[0]);
  return { windows, copies, schedule, patchSize, shape: [network.labels.outputChannels, ...size] };
}

/** "12 patches (mirrored copies counted)" */
export function describeWork({ schedule }: SlidingWindow): string {
  return `${counted(totalRuns(schedule), "patch", "patches")} (mirrored copies counted)`;
}

/**
 * Runs the models over all patches and adds what they say to the scores. The order of the additions, and so every bit
 * of the result, does not depend on how many planes exist at a time.
 *
 * @param rows - receive the scores; of {@link SlidingWindow.shape}
 * @param onFinal - is told that the planes below `end` are final, and may then let them go
 * @throws {ShapeMismatchError} if the network's answer has another shape
 * @throws {InvalidArtifactError} if it has NaN or infinite values
 * @throws {CancelledError} if `signal` is aborted; checked before every run of a network
 */
export async function slide(
  models: readonly Model[],
  network: CommonNetwork,
  { windows, copies, schedule }: SlidingWindow,
  input: InputPlanes,
  rows: ScoreRows,
  { signal, onEvent, bodyMask = false }: StageOptions & Pick<PredictCaseOptions, "bodyMask">,
  onFinal: (end: number) => void = () => {},
): Promise<void> {
  const caseId = input.id;
  const [channels] = input.shape;
  const { patchSize, configuration } = network;
  const { outputChannels } = network.labels;
  const { atOnce } = schedule;
  const patches = layPatches(windows);
  const total = totalRuns(schedule);
  const patchLength = elementCount(patchSize);
  const batch = new Float32Array(atOnce * channels * patchLength);
  const share = 1 / (models.length * copies.length);
  const levels = bodyMask ? airLevels(network.metadata) : undefined;
  const along = configuration.patchSize.length === 3 ? 0 : 1; // the axis that parts of an answer follow each other along
  const background = levels && backgroundPart(network);
  const empty = new Set<Patch>();
  for (let first = 0; first < total; first += atOnce) {
    const count = Math.min(atOnce, total - first);
    const end = touchedPlanes(schedule, first + count);
    rows.begin(end);
    input.load(end);
    const placements: Placement[] = [];
    for (let i = 0; i < count; i++) {
      const patch = patches[Math.floor((first + i) / copies.length)]!;
      const copy = copies[(first + i) % copies.length]!;
      if (levels && copy === copies[0] && isEmptyPatch(input, patch, patchSize, levels)) {
        empty.add(patch);
        addBackground(background!, placement(patch, patchSize, copy, 1), along, (logits, offset, place) =>
          rows.add(logits, offset, network.activation, place),
        );
      }
      if (empty.has(patch)) continue;
      const offset = placements.length * channels * patchLength;
      copyPatch(input.data, input.shape, patch.start, patchSize, copy, batch, offset, input.planes);
      placements.push(placement(patch, patchSize, copy, share));
    }
    const shown = placements.length;
    const patchesOfRun = batch.subarray(0, shown * channels * patchLength);
    throwIfCancelled(signal, `prediction of case ${caseId}`);
    for (const model of shown > 0 ? models : []) {
      const { configuration: name } = network.metadata;
      let finite = true;
      let planes = 0;
      const addPart = (part: AnswerPart) => {
        planes += part.planes;
        const place = placementOfPart(placements[part.sample]!, along, part);
        finite = rows.add(part.data, 0, network.activation, place) && finite;
      };
      const size = [shown, channels, ...configuration.patchSize];
      const { data, shape: got } = await model.run(patchesOfRun, size, addPart);
      checkShape(got, [shown, outputChannels, ...configuration.patchSize], name);
      const inParts = data.length === 0;
      const expected = inParts ? shown * patchSize[along] : 0; // what comes as a whole, too, would be added twice
      if (planes !== expected) throw incompleteParts(name, planes, expected);
      for (let i = 0; i < shown && !inParts; i++) {
        finite = rows.add(data, i * outputChannels * patchLength, network.activation, placements[i]!) && finite;
      }
      if (!finite) throw notFinite(name, caseId);
      model.letGo?.(data);
    }
    onFinal(finalPlanes(schedule, first + count));
    onEvent?.({ type: "progress", stage: "predict", done: first + count, total, item: caseId });
  }
  if (bodyMask) {
    const share = `${empty.size} of ${counted(patches.length, "patch", "patches")}`;
    const reason = levels
      ? `${share} showed air alone`
      : "no patch was left out, because the images are no CT, or what is segmented is as thin as air";
    onEvent?.({ type: "message", stage: "predict", level: "info", text: `case ${caseId}: body mask: ${reason}` });
  }
}

/** The mean over models and mirrored copies goes into the z factor. */
function placement({ start, shares }: Patch, patchSize: Shape3, mirroring: Mirroring, share: number): Placement {
  return { start, patchSize, mirroring, shares: [shares[0].map((weight) => weight * share), shares[1], shares[2]] };
}

function checkShape(shape: readonly number[], expected: readonly number[], configuration: string): void {
  if (shape.length === expected.length && shape.every((n, axis) => n === expected[axis])) return;
  throw new ShapeMismatchError(`logits of the model (${configuration})`, expected, shape, "export the model again");
}

function incompleteParts(configuration: string, planes: number, expected: number): ShapeMismatchError {
  const what = `planes of the logits of the model (${configuration}), which gave them in parts`;
  return new ShapeMismatchError(what, [expected], [planes], "give each once, or return the logits as a whole");
}

function notFinite(configuration: string, caseId: string): InvalidArtifactError {
  return new InvalidArtifactError(
    `model (${configuration})`,
    "logits",
    `the network gave NaN or infinite values for case ${caseId}; its training diverged, or the image has such voxels`,
  );
}
