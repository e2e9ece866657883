import { InvalidArgumentError, type Shape3, type VoxelArray } from "@nnunet/core";
import type { Segment } from "./segments.ts";

/** One plane of one segment. */
export interface SegmentFrame {
  readonly segment: Segment;
  readonly slice: number;
}

/** As many labels as there can be: they are int16. */
const mostLabels = 32768;

/**
 * The frames of a segmentation object: of every segment the slices in which it is. If there is nothing at all, one empty
 * segment over all slices, because a segmentation object has at least one frame.
 *
 * @param labels - [z, y, x]
 * @param ignored - labels that are allowed and belong to no segment
 * @throws {InvalidArgumentError} for a voxel that is none of the labels
 */
export function segmentFrames(
  labels: VoxelArray,
  [nz, ny, nx]: Shape3,
  segments: readonly Segment[],
  ignored: readonly number[],
): SegmentFrame[] {
  const plane = ny * nx;
  const known = new Uint8Array(mostLabels);
  for (const label of [0, ...ignored, ...segments.flatMap((segment) => segment.labels)]) known[label] = 1;
  const occurring = Array.from({ length: nz }, (_, z) => {
    const found = new Set<number>();
    let last: number | undefined;
    for (let i = z * plane; i < (z + 1) * plane; i++) {
      const label = labels[i]!;
      if (label === last) continue;
      if (known[label] !== 1) throw unknown(label, segments);
      found.add(label);
      last = label;
    }
    return found;
  });
  const frames = segments.flatMap((segment) =>
    occurring.flatMap((found, slice) => (segment.labels.some((label) => found.has(label)) ? [{ segment, slice }] : [])),
  );
  return frames.length > 0 ? frames : occurring.map((_, slice) => ({ segment: segments[0]!, slice }));
}

/** 1 for every label of a segment. */
export function maskOf({ labels }: Segment): Uint8Array {
  const mask = new Uint8Array(mostLabels);
  for (const label of labels) mask[label] = 1;
  return mask;
}

function unknown(label: number, segments: readonly Segment[]): InvalidArgumentError {
  const all = [...new Set(segments.flatMap(({ labels }) => labels))].sort((a, b) => a - b);
  return new InvalidArgumentError("segmentation", `the labels of the dataset (0, ${all.join(", ")}) as voxels`, label);
}
