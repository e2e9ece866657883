import { FileError, ImageFileError } from "@nnunet/core";
import { type Frame, frameName } from "./dicom-image.ts";
import { height, samePlace } from "./plane-stack.ts";
import { planeAxes } from "./plane-axes.ts";

/** Frames of a series that form one volume, and what tells them from the series' other volumes. */
export interface SeriesVolume {
  readonly frames: readonly Frame[];
  /** "EchoTime 4.6", "192 × 192 pixels"; "" for the only one. */
  readonly label: string;
}

/**
 * Tells the volumes in a series apart: by size and orientation of their slices, and where several slices lie in the same
 * place, by what their files say of time, echo, diffusion or kind of image.
 *
 * @throws {ImageFileError} if slices lie in the same place and nothing tells them apart
 */
export function volumesInSeries(path: string, frames: readonly Frame[]): SeriesVolume[] {
  const stacks = planeGroups(path, frames);
  const differ = new Set(stacks.map((stack) => stack[0]!.image.format.photometric)).size > 1;
  const volumes = stacks.flatMap((stack) =>
    apartInOnePlace(path, stack).map(({ frames: own, label }) => ({
      frames: own,
      label: [differ ? own[0]!.image.format.photometric : "", stacks.length > 1 ? planeLabel(own[0]!) : "", label]
        .filter((part) => part !== "")
        .join(", "),
    })),
  );
  return volumes;
}

/**
 * The one that was asked for.
 *
 * @param wanted - counted from 1
 * @throws {FileError} if there are several and none was chosen: says which there are
 */
export function chosenVolume(path: string, volumes: readonly SeriesVolume[], wanted: number | undefined): SeriesVolume {
  if (wanted === undefined && volumes.length === 1) return volumes[0]!;
  const chosen = wanted === undefined ? undefined : volumes[wanted - 1];
  if (chosen) return chosen;
  const shown = volumes.slice(0, mostListed).map(({ frames, label }, i) => {
    const count = `${frames.length} ${frames.length === 1 ? "slice" : "slices"}`;
    return `${i + 1}: ${count}${label && `, ${label}`}`;
  });
  const more = volumes.length > mostListed ? `; and ${volumes.length - mostListed} more` : "";
  const problem =
    wanted === undefined
      ? `there are ${volumes.length} volumes in one series`
      : `there is no volume ${wanted} among its ${volumes.length}`;
  throw new FileError(path, `${problem} (${shown.join("; ")}${more}); ${howToChoose}`);
}

const howToChoose = "choose one with `volume` 1 (its number), or put its files into a folder of their own";
const mostListed = 12;

/** Frames of the same size and colours whose planes have the same directions and spacing, up to rounding. */
function planeGroups(path: string, frames: readonly Frame[]): Frame[][] {
  const groups: Frame[][] = [];
  let latest: Frame[] | undefined;
  for (const frame of frames) {
    // Neighbours mostly belong together.
    const own = latest && samePlanes(latest[0]!, frame) ? latest : groups.find(([first]) => samePlanes(first!, frame));
    if (own) own.push(frame);
    else if (groups.push([frame]) > mostOrientations) {
      throw new FileError(path, `its frames have more than ${mostOrientations} sizes and orientations; it is no stack`);
    }
    latest = own ?? groups.at(-1);
  }
  return groups;
}

const mostOrientations = 500;
/** Orientations are written with few digits, and not always the same ones. */
const planeTolerance = 1e-3;

function samePlanes(a: Frame, b: Frame): boolean {
  const near = (p: readonly number[] | undefined, q: readonly number[] | undefined) =>
    p === q || (p !== undefined && q !== undefined && p.every((v, i) => Math.abs(v - q[i]!) <= planeTolerance));
  const [f, g] = [a.image.format, b.image.format];
  const colours = (one: typeof f) => (one.samples === 3 ? "colours" : one.photometric);
  return (
    f.rows === g.rows &&
    f.columns === g.columns &&
    colours(f) === colours(g) &&
    a.marks.get("StackID") === b.marks.get("StackID") &&
    near(a.orientation, b.orientation) &&
    near(a.pixelSpacing, b.pixelSpacing)
  );
}

function planeLabel({ image, orientation, pixelSpacing }: Frame): string {
  const { columns, rows } = image.format;
  const spacing = pixelSpacing ? ` of ${pixelSpacing[1]} × ${pixelSpacing[0]} mm` : "";
  return `${columns} × ${rows} pixels${spacing}${orientation ? `, orientation ${orientation.map((v) => Number(v.toFixed(3))).join(" ")}` : ""}`;
}

/** One volume, or as many as there are slices in every place. */
function apartInOnePlace(path: string, frames: readonly Frame[]): SeriesVolume[] {
  if (!frames.every(({ position, orientation }) => position && orientation)) return [{ frames, label: "" }];
  const normal = planeAxes(frames[0]!.orientation!, frames[0]!.image.path)[2]!;
  const heights = new Map(frames.map((frame) => [frame, height(frame, normal)]));
  if (!doubled(frames, heights)) return [{ frames, label: "" }];
  const names = [...new Set(frames.flatMap(({ marks }) => [...marks.keys()]))].filter(
    (name) => new Set(frames.map(({ marks }) => marks.get(name))).size > 1,
  );
  const best =
    telling(
      frames,
      heights,
      names.map((name) => [name]),
    ) ?? telling(frames, heights, pairs(names));
  if (!best) throw inOnePlace(path, frames, normal);
  const ordered = best.groups.sort((a, b) => compare(markOf(a[0]!, best.names), markOf(b[0]!, best.names)));
  return ordered.map((group) => ({
    frames: group,
    label: best.names.map((name) => `${name} ${group[0]!.marks.get(name) ?? "(none)"}`).join(", "),
  }));
}

interface Partition {
  readonly names: readonly string[];
  readonly groups: Frame[][];
}

/** The fewest volumes that hold every place once; a time that differs in every slice tells nothing. */
function telling(
  frames: readonly Frame[],
  heights: ReadonlyMap<Frame, number>,
  candidates: readonly (readonly string[])[],
): Partition | undefined {
  let best: Partition | undefined;
  for (const names of candidates) {
    const groups = groupBy(frames, (frame) => markOf(frame, names));
    if (groups.length < 2 || (best && groups.length >= best.groups.length)) continue;
    if (groups.length > frames.length / 2 && frames.length > 2) continue;
    if (!groups.some((group) => doubled(group, heights))) best = { names, groups };
  }
  return best;
}

function doubled(frames: readonly Frame[], heights: ReadonlyMap<Frame, number>): boolean {
  const sorted = frames.map((frame) => heights.get(frame)!).sort((a, b) => a - b);
  return sorted.some((h, i) => i > 0 && h - sorted[i - 1]! <= samePlace);
}

function inOnePlace(path: string, frames: readonly Frame[], normal: readonly number[]): ImageFileError {
  const sorted = [...frames].sort(
    (a, b) => height(a, normal) - height(b, normal) || (frameName(a) < frameName(b) ? -1 : 1),
  );
  const i = sorted.findIndex((f, k) => k > 0 && height(f, normal) - height(sorted[k - 1]!, normal) <= samePlace);
  const places = new Set(sorted.map((frame) => Math.round(height(frame, normal) / (2 * samePlace)))).size;
  const names = `${frameName(sorted[i - 1]!)} and ${frameName(sorted[i]!)}`;
  const others = frames.length - places > 1 ? ` (${frames.length} slices in ${places} places)` : "";
  const problem = `${names} lie in the same place${others}; remove one, or separate the two series`;
  return new ImageFileError(path, "ImagePositionPatient", problem);
}

function markOf(frame: Frame, names: readonly string[]): string {
  return names.map((name) => frame.marks.get(name) ?? "").join("\u0000");
}

function compare(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? (a < b ? -1 : 1) : x - y;
}

function pairs(names: readonly string[]): string[][] {
  return names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b]));
}

function groupBy<T>(values: readonly T[], key: (value: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const name = key(value);
    const group = groups.get(name);
    if (group) group.push(value);
    else groups.set(name, [value]);
  }
  return [...groups.values()];
}
