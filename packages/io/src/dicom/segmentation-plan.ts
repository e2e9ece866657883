import { ImageFileError, UnsupportedError, type VoxelArray } from "@nnunet/core";
import type { FramePixels } from "./decode-frames.ts";
import { type DicomImage, type Frame, frameName } from "./dicom-image.ts";
import { height, planeStack, samePlace } from "./plane-stack.ts";
import { planeAxes } from "./plane-axes.ts";
import type { PlacedFrame, VolumePlan } from "./volume-plan.ts";

/** Frames that are left out as empty may leave gaps, but a volume is not made of gaps alone. */
const mostEmptySlices = 4000;

/**
 * The volume of a segmentation object: the number of the segment as label, or for fractions one channel per segment.
 * Places without a frame are empty: programs leave those frames out.
 *
 * @throws {ImageFileError} if the frames do not lie on a grid
 */
export function segmentationPlan(image: DicomImage): VolumePlan {
  const { path, frames, format } = image;
  const { fractional, segmentOfFrame } = image.segmentation!;
  const segments = [...new Set(segmentOfFrame)].sort((a, b) => a - b);
  const isPlaced = frames.every(({ position, orientation }) => position && orientation);
  if (!isPlaced && segments.length > 1) {
    throw new ImageFileError(path, "PlanePositionSequence", `${segments.length} segments, and frames without a place`);
  }
  const places = isPlaced ? onePerPlace(frames, path) : frames;
  const { nz, sliceOf, geometry, warnings } = slices(path, places, isPlaced);
  const channels = fractional ? segments.length : 1;
  return {
    path,
    shape: [channels, nz, format.rows, format.columns],
    type: !fractional && segments.at(-1)! > 255 ? "uint16" : "uint8",
    geometry,
    warnings,
    kind: fractional ? "fractions" : "labels",
    placed: frames.map((frame): PlacedFrame => {
      const channel = fractional ? segments.indexOf(segmentOfFrame[frame.index]!) : 0;
      return { frame, slice: sliceOf(frame), channel };
    }),
  };
}

function normalOf(frame: Frame): number[] {
  return planeAxes(frame.orientation!, frame.image.path)[2]!;
}

function onePerPlace(frames: readonly Frame[], path: string): readonly Frame[] {
  const first = frames[0]!;
  const turned = frames.find(({ orientation }) =>
    orientation!.some((v, i) => Math.abs(v - first.orientation![i]!) > 1e-3),
  );
  if (turned) {
    const problem = `${turned.orientation!.join(", ")} in ${frameName(turned)}, but ${first.orientation!.join(", ")} in the first`;
    throw new ImageFileError(path, "ImageOrientationPatient", problem);
  }
  const normal = normalOf(first);
  const heights = frames.map((frame) => ({ frame, h: height(frame, normal) })).sort((a, b) => a.h - b.h);
  const kept = new Set<Frame>();
  let last = Number.NEGATIVE_INFINITY;
  for (const { frame, h } of heights) {
    if (h - last > samePlace) {
      kept.add(frame);
      last = h;
    }
  }
  return frames.filter((frame) => kept.has(frame));
}

interface Slices extends Pick<VolumePlan, "geometry" | "warnings"> {
  readonly nz: number;
  readonly sliceOf: (frame: Frame) => number;
}

function slices(path: string, places: readonly Frame[], isPlaced: boolean): Slices {
  const normal = isPlaced ? normalOf(places[0]!) : [0, 0, 1];
  const heights = isPlaced ? places.map((frame) => height(frame, normal)) : [];
  const steps = heights.slice(1).map((h, i) => h - heights[i]!);
  const isRegular = steps.every((s) => Math.abs(s - steps[0]!) <= 0.01 * Math.abs(steps[0]!));
  if (!isPlaced || isRegular) {
    const { frames, geometry, warnings } = planeStack(path, places);
    const at = new Map(frames.map((frame, i) => [isPlaced ? key(height(frame, normal)) : String(frame.index), i]));
    const sliceOf = (frame: Frame) =>
      (isPlaced ? nearest(at, height(frame, normal)) : at.get(String(frame.index))) ?? 0;
    return { nz: frames.length, sliceOf, geometry, warnings };
  }
  const sorted = [...places].sort((a, b) => height(a, normal) - height(b, normal));
  const [lowest, highest] = [height(sorted[0]!, normal), height(sorted.at(-1)!, normal)];
  const smallest = Math.min(...sorted.slice(1).map((frame, i) => height(frame, normal) - height(sorted[i]!, normal)));
  const step = stepOf(sorted[0]!, smallest);
  const slot = (frame: Frame) => Math.round((height(frame, normal) - lowest) / step);
  const astray = sorted.find((frame) => {
    const off = (height(frame, normal) - lowest) / step - slot(frame);
    return Math.abs(off) > 0.02 || apart(frame, sorted[0]!, normal) > 0.01 * Math.max(step, 1);
  });
  if (astray) {
    const problem = `${frameName(astray)} does not lie on the grid of slices ${Number(step.toFixed(4))} mm apart`;
    throw new ImageFileError(path, "ImagePositionPatient", problem);
  }
  const nz = Math.round((highest - lowest) / step) + 1;
  if (nz > mostEmptySlices + places.length) {
    const problem = `${places.length} frames in a volume of ${nz} slices; their places or distances are wrong`;
    throw new ImageFileError(path, "ImagePositionPatient", problem);
  }
  const { geometry } = planeStack(path, [sorted[0]!]);
  const [, y, x] = geometry.spacing;
  const placed = { ...geometry, spacing: [step, y, x] as const, direction: withNormal(geometry.direction, normal) };
  return { nz, sliceOf: slot, geometry: placed, warnings: [] };
}

/** The stated distance where the frames agree with it, else their smallest. */
function stepOf({ sliceSpacing }: Frame, smallest: number): number {
  const stated = Math.abs(sliceSpacing ?? smallest);
  const ratio = smallest / stated;
  return Math.abs(ratio - Math.round(ratio)) <= 0.02 && Math.round(ratio) >= 1 ? stated : smallest;
}

function apart(frame: Frame, first: Frame, normal: readonly number[]): number {
  const along = height(frame, normal) - height(first, normal);
  return Math.hypot(...frame.position!.map((p, i) => p - first.position![i]! - along * normal[i]!));
}

function withNormal(direction: readonly number[], normal: readonly number[]): number[] {
  return direction.map((v, i) => (i % 3 === 2 ? normal[Math.floor(i / 3)]! + 0 : v));
}

function key(h: number): string {
  return (Math.round(h / samePlace) + 0).toString();
}

function nearest(at: ReadonlyMap<string, number>, h: number): number | undefined {
  return at.get(key(h)) ?? at.get(key(h - samePlace)) ?? at.get(key(h + samePlace));
}

/** Puts a segment's label where its bits are set. @throws {UnsupportedError} where another segment is already */
export function placeLabels(volume: VoxelArray, pixels: FramePixels, { frame, slice }: PlacedFrame): void {
  const { image, index } = frame;
  const label = image.segmentation!.segmentOfFrame[index]!;
  const at = slice * pixels.length;
  for (let i = 0; i < pixels.length; i++) {
    if (pixels[i] === 0) continue;
    const other = volume[at + i]!;
    if (other !== 0 && other !== label) {
      throw new UnsupportedError(
        `a DICOM segmentation whose segments ${other} and ${label} overlap (${image.path})`,
        "export each segment to a file of its own",
      );
    }
    volume[at + i] = label;
  }
}
