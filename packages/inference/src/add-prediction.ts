import type { Shape3, VolumeShape } from "@nnunet/core";
import type { Mirroring } from "./mirrored-patch.ts";
import { sigmoidRow, softmaxRow } from "./row-activations.ts";

/** What is made of the logits before they are averaged. */
export type Activation = "softmax" | "sigmoid" | "none";

/** Where a patch lies in the image and what each of its voxels contributes. */
export interface Placement {
  readonly start: Shape3;
  readonly patchSize: Shape3;
  /** How the network saw the patch; undone here. */
  readonly mirroring: Mirroring;
  /** Per axis: a factor for every voxel of the (unmirrored) patch. */
  readonly shares: readonly [z: Float64Array, y: Float64Array, x: Float64Array];
}

/**
 * Adds the network's answer for one patch to the scores of the image: activation, mirroring undone, weighted by the
 * product of the shares. Voxels of the patch outside the image are left out.
 *
 * @param scores - [channel, planes, y, x], changed in place; plane z of the image lies at z modulo `planes`
 * @param shape - of the image, [channel, z, y, x]
 * @param logits - from `offset` on [channel, ...patchSize]
 * @param planes - all of the image by default
 * @returns whether all logits inside the image are finite; the scores are worth nothing otherwise
 */
export function addPrediction(
  scores: Float32Array,
  shape: VolumeShape,
  logits: Float32Array,
  offset: number,
  activation: Activation,
  placement: Placement,
  planes: number = shape[1],
): boolean {
  const rows = sharedRows(shape, placement, planes);
  return activation === "none"
    ? addLogits(scores, logits, offset, rows)
    : addProbabilities(scores, logits, offset, activation, rows);
}

/** The rows along x that patch and image share, as indices from the first channel on. */
interface SharedRows {
  readonly channels: number;
  readonly count: number;
  /** From one channel to the next. */
  readonly scoreStep: number;
  readonly logitStep: number;
  /** Of each row: where its x = 0 of the (unmirrored) patch lies in the scores and in the logits. */
  readonly scores: Float64Array;
  readonly logits: Float64Array;
  /** Of each row: the product of its shares along z and y. */
  readonly shareZY: Float64Array;
  readonly shareX: Float64Array;
  readonly patchX: number;
  /** Voxels of a row that lie in the image. */
  readonly firstX: number;
  readonly endX: number;
  /** From one voxel to the next in the logits: −1 where x is mirrored. */
  readonly stepX: 1 | -1;
}

function sharedRows(
  [channels, sizeZ, sizeY, sizeX]: VolumeShape,
  { start, patchSize, mirroring, shares }: Placement,
  planes: number,
): SharedRows {
  const [patchZ, patchY, patchX] = patchSize;
  const [firstZ, firstY, firstX] = start.map((at) => Math.max(0, -at)) as [number, number, number];
  const endZ = Math.max(firstZ, Math.min(patchZ, sizeZ - start[0]));
  const endY = Math.max(firstY, Math.min(patchY, sizeY - start[1]));
  const count = (endZ - firstZ) * (endY - firstY);
  const [scores, logits, shareZY] = [new Float64Array(count), new Float64Array(count), new Float64Array(count)];
  let row = 0;
  for (let z = firstZ; z < endZ; z++) {
    const seenZ = mirroring[0] ? patchZ - 1 - z : z;
    for (let y = firstY; y < endY; y++, row++) {
      const seenY = mirroring[1] ? patchY - 1 - y : y;
      scores[row] = (((start[0] + z) % planes) * sizeY + start[1] + y) * sizeX + start[2];
      logits[row] = (seenZ * patchY + seenY) * patchX + (mirroring[2] ? patchX - 1 : 0);
      shareZY[row] = shares[0][z]! * shares[1][y]!;
    }
  }
  return {
    channels,
    count,
    scoreStep: planes * sizeY * sizeX,
    logitStep: patchZ * patchY * patchX,
    scores,
    logits,
    shareZY,
    shareX: shares[2],
    patchX,
    firstX,
    endX: Math.min(patchX, sizeX - start[2]),
    stepX: mirroring[2] ? -1 : 1,
  };
}

/** Channel by channel, so that memory is gone through in its order: twice as fast as row by row. */
function addLogits(scores: Float32Array, logits: Float32Array, offset: number, rows: SharedRows): boolean {
  const { channels, count, shareX, firstX, endX, stepX } = rows;
  let zero = 0; // x · 0 is 0 exactly for finite x
  for (let c = 0; c < channels; c++) {
    for (let row = 0; row < count; row++) {
      const to = c * rows.scoreStep + rows.scores[row]!;
      const share = rows.shareZY[row]!;
      let from = offset + c * rows.logitStep + rows.logits[row]! + stepX * firstX;
      for (let x = firstX; x < endX; x++, from += stepX) {
        const logit = logits[from]!;
        zero += logit * 0;
        scores[to + x]! += logit * (share * shareX[x]!);
      }
    }
  }
  return zero === 0;
}

/** Row by row: the activation needs all channels of a voxel. */
function addProbabilities(
  scores: Float32Array,
  logits: Float32Array,
  offset: number,
  activation: "softmax" | "sigmoid",
  rows: SharedRows,
): boolean {
  const { channels, count, shareX, patchX, firstX, endX, stepX } = rows;
  const values = new Float64Array(channels * patchX); // of one row, [channel, x], unmirrored
  let zero = 0;
  for (let row = 0; row < count; row++) {
    for (let c = 0; c < channels; c++) {
      let from = offset + c * rows.logitStep + rows.logits[row]! + stepX * firstX;
      for (let x = firstX, r = c * patchX + firstX; x < endX; x++, r++, from += stepX) {
        const logit = logits[from]!;
        zero += logit * 0;
        values[r] = logit;
      }
    }
    if (activation === "softmax") softmaxRow(values, channels, patchX, firstX, endX);
    else sigmoidRow(values, 0, values.length);
    const share = rows.shareZY[row]!;
    for (let c = 0; c < channels; c++) {
      const to = c * rows.scoreStep + rows.scores[row]!;
      for (let x = firstX, r = c * patchX + firstX; x < endX; x++, r++) {
        scores[to + x]! += values[r]! * (share * shareX[x]!);
      }
    }
  }
  return zero === 0;
}
