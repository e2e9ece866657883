import { firstNonFinite, InvalidArgumentError, type LabelSet, type RandomGenerator } from "@nnunet/core";
import type { AugmentedPatch } from "./augmented-patch.ts";

/** What of an augmentation of one's own a source of batches needs. */
export interface OwnAugmentation {
  readonly name: string;
  augment(patch: AugmentedPatch, random: RandomGenerator): void;
}

/**
 * Lets an augmentation of one's own change a patch in place, and refuses what it must not do: what would be lost in silence
 * (another patch that it returns, other arrays that it puts in the place of these), and what would be trained on.
 *
 * @param caseId - the patch is of, for the error
 * @throws {InvalidArgumentError} naming augmentation and case
 */
export function augmentInPlace(
  { name, augment }: OwnAugmentation,
  { data, seg, shape }: AugmentedPatch,
  random: RandomGenerator,
  labels: LabelSet,
  caseId: string,
): void {
  const subject = `augmentation ${name}, case ${caseId}`;
  const refuse = (expected: string, received: unknown): never => {
    throw new InvalidArgumentError(subject, expected, received);
  };
  const inPlace = "an augment() that changes the arrays of the patch in place; ";
  const replaced = (received: unknown) => refuse(`${inPlace}what is put in their place is used by nobody`, received);
  const voxels = seg.length;
  // a property that can be set, since only strict code is told that one cannot
  const patch: AugmentedPatch = {
    get data() {
      return data;
    },
    set data(other: Float32Array) {
      replaced(other);
    },
    get seg() {
      return seg;
    },
    set seg(other: Int16Array) {
      replaced(other);
    },
    shape: Object.freeze([...shape] as const),
  };
  const result: unknown = augment(Object.seal(patch), random);
  // `=> data.reverse()` is the patch; a number or a truth value is by the way
  if (typeof result === "object" && result !== null && ![data, seg, patch].includes(result as never)) {
    if ("then" in result) {
      Promise.resolve(result).catch(() => {});
      refuse("a synchronous augment(): the patch is used as soon as it returns", result);
    }
    refuse(`${inPlace}what it returns is used by nobody`, result);
  }
  if (data.length % voxels !== 0 || data.length === 0 || seg.length !== voxels)
    refuse("the arrays of the patch, not given to another thread", data);
  const odd = firstNonFinite(data);
  if (odd >= 0) refuse("finite voxels", data[odd]);
  refuseUnknownLabels(seg, labels, subject);
}

/**
 * @param seg - labels of a patch, −1 outside the nonzero region
 * @param subject - whose they are
 * @throws {InvalidArgumentError} for a label that dataset.json does not have: it would be trained as background
 */
export function refuseUnknownLabels(seg: Int16Array, { allowed }: LabelSet, subject: string): void {
  const known = new Uint8Array(2 + Math.max(...allowed));
  for (const label of [-1, ...allowed]) known[label + 1] = 1;
  for (let i = 0; i < seg.length; i++) {
    if (known[seg[i]! + 1] === 1) continue;
    throw new InvalidArgumentError(subject, `labels of dataset.json (${allowed.join(", ")}), or −1 outside`, seg[i]);
  }
}
