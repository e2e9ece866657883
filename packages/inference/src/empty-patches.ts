import { elementCount, type ModelMetadata, type Shape3 } from "@nnunet/core";
import type { Placement } from "./add-prediction.ts";
import type { Patch } from "./axis-windows.ts";
import type { CommonNetwork } from "./common-network.ts";
import { placementOfPart, planesPerPart } from "./head/answer-parts.ts";
import type { InputPlanes } from "./input-planes.ts";

/** Hounsfield units between air and what a body is made of, but for lungs; those show vessels and walls in every patch. */
const BODY = -500;
/** Above the least intensity that the network sees, as a share of its range: noise of the scanner. */
const NOISE = 0.02;
/** Voxels that may show something: one in a thousand, a wire or a corner of the table. */
const SHOWING = 1e-3;
/** Bytes of what is said of such patches. */
const BACKGROUND_BYTES = 2e6;
/** As sure as a network is of background where there is nothing. */
const CERTAIN = 10;

/**
 * Above which value a channel of the preprocessed image shows something: −500 HU. Where all that was trained is denser, CT is
 * cut off at the 0.5 percentile of it, and air lies there or below: the network sees the same number everywhere. Other images
 * have no such number.
 *
 * @returns one per channel of the image, or undefined where one of them is no CT, or half of what was trained is below −500 HU:
 *   lungs, say, which a patch in their middle would be mistaken for air
 */
export function airLevels({
  plans,
  configuration,
}: Pick<ModelMetadata, "plans" | "configuration">): number[] | undefined {
  const { normalizationSchemes } = plans.configurations[configuration]!;
  const levels = normalizationSchemes.map((scheme, channel) => {
    const trained = plans.foregroundIntensityPerChannel[channel];
    if (scheme !== "CT" || !trained || trained.median < BODY) return Number.NaN;
    const { percentile005: low, percentile995: high, mean, std } = trained;
    return (Math.max(BODY, low + NOISE * (high - low)) - mean) / Math.max(std, 1e-8);
  });
  return levels.some((level) => Number.isNaN(level)) ? undefined : levels;
}

/** Whether a patch shows nothing but air. What a first network of a cascade found in it is something. */
export function isEmptyPatch(
  { data, shape: [channels, sizeZ, sizeY, sizeX], planes }: InputPlanes,
  { start }: Patch,
  patchSize: Shape3,
  levels: readonly number[],
): boolean {
  const most = SHOWING * elementCount(patchSize);
  const [x0, x1] = [Math.max(0, start[2]), Math.min(sizeX, start[2] + patchSize[2])];
  for (let c = 0; c < channels; c++) {
    const level = levels[c] ?? 0;
    let showing = 0;
    for (let z = Math.max(0, start[0]); z < Math.min(sizeZ, start[0] + patchSize[0]); z++) {
      for (let y = Math.max(0, start[1]); y < Math.min(sizeY, start[1] + patchSize[1]); y++) {
        const row = ((c * planes + (z % planes)) * sizeY + y) * sizeX;
        for (let i = row + x0; i < row + x1; i++) if (!(data[i]! <= level)) showing++; // NaN is for the network to complain of
      }
      if (showing > most) return false;
    }
  }
  return true;
}

/** What is said of some planes of such a patch instead of running the network: background. */
export interface BackgroundPart {
  /** [class or region, planes, …] */
  readonly logits: Float32Array;
  /** Of the patch (lines of a 2D network). */
  readonly planes: number;
  /** Numbers of a plane of one class. */
  readonly step: number;
}

/** A small one: it is there beside the answers of the network. */
export function backgroundPart({
  labels,
  configuration: { patchSize },
}: Pick<CommonNetwork, "labels" | "configuration">): BackgroundPart {
  const planes = planesPerPart(labels.outputChannels, patchSize, BACKGROUND_BYTES);
  const step = elementCount(patchSize) / patchSize[0]!;
  const logits = new Float32Array(labels.outputChannels * planes * step);
  if (labels.regions) logits.fill(-CERTAIN);
  else logits.fill(CERTAIN, 0, planes * step);
  return { logits, planes, step };
}

/** Says so of a patch of some planes. */
export function addBackground(
  { logits, planes, step }: BackgroundPart,
  placement: Placement,
  axis: 0 | 1,
  add: (logits: Float32Array, offset: number, placement: Placement) => void,
): void {
  const total = placement.patchSize[axis];
  for (let first = 0; first < total; first += planes) {
    const count = Math.min(planes, total - first);
    // Fewer planes end where those of all classes but the first begin.
    add(logits, (planes - count) * step, placementOfPart(placement, axis, { first, planes: count }));
  }
}
