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
 */
export function addPrediction(
  scores: Float32Array,
  shape: VolumeShape,
  logits: Float32Array,
  offset: number,
  activation: Activation,
  { start, patchSize, mirroring, shares }: Placement,
  planes: number = shape[1],
): void {
  const [channels, sizeZ, sizeY, sizeX] = shape;
  const [patchZ, patchY, patchX] = patchSize;
  const scoreStep = planes * sizeY * sizeX;
  const logitStep = patchZ * patchY * patchX;
  const firstX = Math.max(0, -start[2]);
  const endX = Math.min(patchX, sizeX - start[2]);
  const share = shares[2];
  const row = new Float64Array(channels * patchX); // probabilities of one row, [channel, x], unmirrored
  for (let z = Math.max(0, -start[0]); z < Math.min(patchZ, sizeZ - start[0]); z++) {
    const seenZ = mirroring[0] ? patchZ - 1 - z : z;
    for (let y = Math.max(0, -start[1]); y < Math.min(patchY, sizeY - start[1]); y++) {
      const seenY = mirroring[1] ? patchY - 1 - y : y;
      const from = offset + (seenZ * patchY + seenY) * patchX;
      if (mirroring[2]) {
        for (let c = 0; c < channels; c++) {
          const last = from + c * logitStep + patchX - 1;
          for (let x = firstX, r = c * patchX + firstX; x < endX; x++, r++) row[r] = logits[last - x]!;
        }
      } else {
        for (let c = 0; c < channels; c++) {
          const first = from + c * logitStep;
          for (let x = firstX, r = c * patchX + firstX; x < endX; x++, r++) row[r] = logits[first + x]!;
        }
      }
      if (activation === "softmax") softmaxRow(row, channels, patchX, firstX, endX);
      else if (activation === "sigmoid") sigmoidRow(row, 0, row.length);
      const to = (((start[0] + z) % planes) * sizeY + start[1] + y) * sizeX + start[2];
      const shareZY = shares[0][z]! * shares[1][y]!;
      for (let c = 0; c < channels; c++) {
        const target = to + c * scoreStep;
        for (let x = firstX, r = c * patchX + firstX; x < endX; x++, r++) {
          scores[target + x]! += row[r]! * (shareZY * share[x]!);
        }
      }
    }
  }
}
