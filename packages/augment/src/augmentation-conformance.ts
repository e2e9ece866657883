import { createRandom, type Shape3 } from "@nnunet/core";
import type { Augmentation } from "./augmentation.ts";

/**
 * What any augmentation must keep to: the same patch for the same random numbers, finite values, labels that were there
 * before, done at once. Lists every violation, so that a test of any framework can expect an empty list.
 *
 * @example expect(augmentationConformance(myAugmentation)).toEqual([]);
 */
export function augmentationConformance(augmentation: Augmentation): string[] {
  const problems = new Set<string>();
  for (const shape of [
    [6, 8, 7],
    [1, 9, 8],
  ] as const) {
    for (let seed = 0; seed < 20; seed++) {
      const [first, again] = [augmented(augmentation, shape, seed), augmented(augmentation, shape, seed)];
      if (isPromise(first.result)) problems.add("augment() is asynchronous; the patch is used as soon as it returns");
      if (first.data.some((value, i) => !Object.is(value, again.data[i]))) {
        problems.add("the same random numbers give two different images; draw all chance from the generator given");
      }
      if (first.seg.some((label, i) => label !== again.seg[i])) {
        problems.add(
          "the same random numbers give two different segmentations; draw all chance from the generator given",
        );
      }
      if (!first.data.every(Number.isFinite)) problems.add("the image is not finite everywhere");
      const odd = first.seg.find((label) => label < -1 || label > 2);
      if (odd !== undefined) problems.add(`the segmentation holds ${odd}, which was no label before`);
    }
  }
  return [...problems];
}

/** Two channels in noise and three labels; −1 at one end. */
function augmented({ augment }: Augmentation, shape: Shape3, seed: number) {
  const voxels = shape[0] * shape[1] * shape[2];
  const noise = createRandom(7, "conformance");
  const data = Float32Array.from({ length: 2 * voxels }, () => noise.normal());
  const seg = Int16Array.from({ length: voxels }, (_, i) => (i === 0 ? -1 : i % 3));
  const result: unknown = augment({ data, seg, shape }, createRandom(seed, "augmentation"));
  return { data, seg, result };
}

const isPromise = (value: unknown) => typeof value === "object" && value !== null && "then" in value;
