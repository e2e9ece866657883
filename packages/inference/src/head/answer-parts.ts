import { elementCount } from "@nnunet/core";
import type { Placement } from "../add-prediction.ts";

/** Bytes that a part of an answer takes, if it is no plane of more; onnxruntime takes memory in powers of two, 16 MiB here. */
const PART = 16e6;

/** Some planes of a network's answer for one sample (lines of a 2D network): they follow each other. */
export interface AnswerPart {
  /** Of the batch. */
  readonly sample: number;
  /** The first plane, as the network saw the patch. */
  readonly first: number;
  readonly planes: number;
  /** Logits [class or region, planes, …], good until the next part comes. */
  readonly data: Float32Array;
}

/**
 * @param patchSize - [(z,) y, x]
 * @returns how many planes (lines of a 2D network) a part has at most; all of them where that is little
 */
export function planesPerPart(channels: number, [planes, ...inPlane]: readonly number[], bytes = PART): number {
  const most = Math.max(1, Math.floor(bytes / (4 * channels * elementCount(inPlane))));
  return Math.ceil(planes! / Math.ceil(planes! / most)); // parts of about the same size
}

/**
 * Where a part of a patch lies in the image.
 *
 * @param axis - of [z, y, x] along which the parts follow each other
 */
export function placementOfPart(
  { start, patchSize, mirroring, shares }: Placement,
  axis: 0 | 1,
  { first, planes }: Pick<AnswerPart, "first" | "planes">,
): Placement {
  const from = mirroring[axis] ? patchSize[axis] - first - planes : first;
  const changed = <T>(values: readonly [T, T, T], value: T): readonly [T, T, T] =>
    axis === 0 ? [value, values[1], values[2]] : [values[0], value, values[2]];
  return {
    start: changed(start, start[axis] + from),
    patchSize: changed(patchSize, planes),
    mirroring,
    shares: changed(shares, shares[axis].subarray(from, from + planes)),
  };
}
