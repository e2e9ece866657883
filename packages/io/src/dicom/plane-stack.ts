import { type Geometry, ImageFileError, UnsupportedError } from "@nnunet/core";
import type { ImageWarning } from "../image-format.ts";
import type { Frame } from "./dicom-image.ts";
import { frameName } from "./dicom-image.ts";
import { planeAxes } from "./plane-axes.ts";

/** Frames in the order of the volume's slices, and where they lie. */
export interface PlaneStack {
  readonly frames: readonly Frame[];
  readonly geometry: Geometry;
  /** What the files do not say, and what was taken instead. */
  readonly warnings: readonly ImageWarning[];
}

/** Unequal by more than this fraction of a slice distance, two distances are not the same. */
const gapTolerance = 0.01;
/** Closer than this, in mm, two slices lie in the same place. */
export const samePlace = 1e-4;

/**
 * Puts the frames of one volume in the order of their places. Slices of several files run along their normal, as in
 * ITK; the frames of one file stay in the file's order where that is regular, and the third axis points along it.
 *
 * @param path - the series, for errors
 * @throws {ImageFileError} naming the slices between which one is missing, or that lie in the same place
 * @throws {UnsupportedError} for slices that are not stacked at a right angle (gantry tilt)
 */
export function planeStack(path: string, frames: readonly Frame[]): PlaneStack {
  const first = frames[0]!;
  const warnings: ImageWarning[] = [];
  const where = first.image.frameCount > 1 || frames.length === 1 ? first.image.path : path;
  if (!first.pixelSpacing) {
    warnings.push({ path: where, field: "PixelSpacing", problem: "missing; lengths are in pixels (spacing 1)" });
  }
  const [rowSpacing, columnSpacing] = first.pixelSpacing ?? [1, 1];
  const inPlane = [rowSpacing!, columnSpacing!] as const;
  if (!frames.every(({ position, orientation }) => position && orientation)) {
    return withoutPlaces(where, frames, inPlane, warnings);
  }
  const [x, y, normal] = planeAxes(first.orientation!, first.image.path) as [number[], number[], number[]];
  const sorted = inOrder(frames, normal);
  const towards = sorted.length > 1 ? Math.sign(height(sorted[1]!, normal) - height(sorted[0]!, normal)) || 1 : 1;
  const along = normal.map((n) => towards * n);
  if (sorted.length > 1) checkSteps(where, sorted, along);
  const stated = first.sliceSpacing ?? 1;
  // A single slice whose file says that the next lies against the normal: ITK turns the axis round.
  const axis = sorted.length > 1 || stated > 0 ? along : along.map((n) => -n);
  const [start, end] = [sorted[0]!.position!, sorted.at(-1)!.position!];
  const depth = Math.hypot(...end.map((p, i) => p - start[i]!));
  const between = sorted.length > 1 ? depth / (sorted.length - 1) : Math.abs(stated);
  return {
    frames: sorted,
    geometry: {
      spacing: [between, ...inPlane],
      origin: [start[0]!, start[1]!, start[2]!],
      direction: [0, 1, 2].flatMap((row) => [x[row]!, y[row]!, axis[row]! + 0]),
    },
    warnings,
  };
}

/** Distance of a frame from the origin along the normal. */
export function height({ position }: Frame, normal: readonly number[]): number {
  return position!.reduce((sum, p, i) => sum + p * normal[i]!, 0);
}

function inOrder(frames: readonly Frame[], normal: readonly number[]): readonly Frame[] {
  const heights = new Map(frames.map((frame) => [frame, height(frame, normal)]));
  const isOneFile = frames.every(({ image }) => image === frames[0]!.image);
  const steps = frames.slice(1).map((frame, i) => heights.get(frame)! - heights.get(frames[i]!)!);
  if (isOneFile && (steps.every((s) => s > 0) || steps.every((s) => s < 0))) return frames;
  return [...frames].sort(
    (a, b) => heights.get(a)! - heights.get(b)! || (a.image.path < b.image.path ? -1 : 1) || a.index - b.index,
  );
}

function checkSteps(path: string, sorted: readonly Frame[], along: readonly number[]): void {
  const steps = sorted.slice(1).map((frame, i) => height(frame, along) - height(sorted[i]!, along));
  const step = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)]!;
  for (const [i, distance] of steps.entries()) {
    const [before, after] = [sorted[i]!, sorted[i + 1]!];
    const names = `${frameName(before)} and ${frameName(after)}`;
    const fail = (problem: string) => new ImageFileError(path, "ImagePositionPatient", problem);
    if (!(distance > samePlace)) {
      throw fail(`${names} lie in the same place; remove one, or separate the two series`);
    }
    if (Math.abs(distance - step) > gapTolerance * step) {
      const missing = Math.round(distance / step) - 1;
      const isGap = missing > 0 && Math.abs(distance - (missing + 1) * step) <= 2 * gapTolerance * step * (missing + 1);
      const far = `${names} are ${distance.toFixed(3)} mm apart, the others ${step.toFixed(3)} mm`;
      throw fail(
        isGap
          ? `${missing} slice${missing > 1 ? "s are" : " is"} missing: ${far}; get the whole series`
          : `${far}; slices must be evenly spaced, resample the series`,
      );
    }
    const shift = Math.hypot(...after.position!.map((p, k) => p - before.position![k]! - distance * along[k]!));
    if (shift > gapTolerance * Math.max(step, 1)) {
      const degrees = ((Math.atan2(shift, distance) * 180) / Math.PI).toFixed(1);
      throw new UnsupportedError(
        `a stack whose slices are shifted against each other (gantry tilt of ${degrees}°: ${names} by ${shift.toFixed(3)} mm; ${path})`,
        "resample the series",
      );
    }
  }
}

/** A photograph, an X-ray, a film: frames one behind the other in the order of the file, or of their numbers. */
function withoutPlaces(
  path: string,
  frames: readonly Frame[],
  [rowSpacing, columnSpacing]: readonly [number, number],
  warnings: ImageWarning[],
): PlaneStack {
  const lost = frames.find(({ position, orientation }) => !position || !orientation)!;
  const missing = lost.position ? "ImageOrientationPatient" : "ImagePositionPatient";
  const first = frames[0]!;
  const numbers = new Set(frames.map(({ image }) => image.instanceNumber));
  const isOneFile = frames.every(({ image }) => image === first.image);
  if (
    !isOneFile &&
    (frames.some(({ position }) => position) || numbers.has(undefined) || numbers.size < frames.length)
  ) {
    throw new ImageFileError(lost.image.path, missing, "this element is missing; where the slice lies is not known");
  }
  if (!isOneFile && projections.has(first.image.modality)) {
    const problem = `${frames.length} pictures of modality ${first.image.modality}, which are no slices of a volume; put each into a folder of its own`;
    throw new ImageFileError(path, missing, problem);
  }
  const sorted = isOneFile ? frames : [...frames].sort((a, b) => a.image.instanceNumber! - b.image.instanceNumber!);
  const [x, y, normal] = planeAxes(first.orientation ?? [1, 0, 0, 0, 1, 0], first.image.path) as number[][];
  const position = first.position ?? [0, 0, 0];
  const between = Math.abs(first.sliceSpacing ?? 1);
  const kept = first.sliceSpacing ? `the stated ${between} mm` : "1";
  if (frames.length > 1) {
    const problem = `missing; ${frames.length} frames were put one behind the other, ${kept} apart`;
    warnings.push({ path, field: missing, problem });
  } else if (first.pixelSpacing) warnings.push({ path, field: missing, problem: "missing; placed at the origin" });
  return {
    frames: sorted,
    geometry: {
      spacing: [between, rowSpacing, columnSpacing],
      origin: [position[0]!, position[1]!, position[2]!],
      direction: [0, 1, 2].flatMap((row) => [x![row]!, y![row]!, normal![row]!]),
    },
    warnings,
  };
}

/** Kinds of pictures that show a body from outside: two of them are no stack. */
const projections = new Set(["CR", "DX", "MG", "XA", "RF", "IO", "PX", "ES", "GM", "SM", "OP", "XC"]);
