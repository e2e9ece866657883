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
  const stacks = groupBy(frames, planeKey);
  const volumes = stacks.flatMap((stack) =>
    apartInOnePlace(path, stack).map(({ frames: own, label }) => ({
      frames: own,
      label: [stacks.length > 1 ? planeLabel(own[0]!) : "", label].filter((part) => part !== "").join(", "),
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
  throw new FileError(path, `${problem} (${shown.join("; ")}${more}); choose one: ${howToChoose}`);
}

export const howToChoose = "readDicom(path, { volume: 1 }), or put its files into a folder of their own";
const mostListed = 12;

function planeKey(frame: Frame): string {
  const { format } = frame.image;
  const round = (numbers: readonly number[] | undefined) =>
    numbers?.map((n) => (Math.round(n * 1e3) / 1e3 + 0).toString());
  const stack = frame.marks.get("StackID") ?? "";
  return [
    format.columns,
    format.rows,
    format.samples,
    round(frame.orientation)?.join() ?? "",
    round(frame.pixelSpacing)?.join() ?? "",
    stack,
  ].join("/");
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
  if (!doubled(frames, normal)) return [{ frames, label: "" }];
  const names = [...new Set(frames.flatMap(({ marks }) => [...marks.keys()]))];
  const candidates = [...names.map((name) => [name]), ...pairs(names)];
  let best: { names: readonly string[]; groups: Frame[][] } | undefined;
  for (const candidate of candidates) {
    const groups = groupBy(frames, (frame) => markOf(frame, candidate));
    // The fewest volumes that hold every place once; a time that differs in every slice tells nothing.
    if (groups.length < 2 || (best && groups.length >= best.groups.length)) continue;
    if (groups.length > frames.length / 2 && frames.length > 2) continue;
    if (groups.some((group) => doubled(group, normal))) continue;
    best = { names: candidate, groups };
  }
  if (!best) throw inOnePlace(path, frames, normal);
  const { names: telling, groups } = best;
  const ordered = groups.sort((a, b) => compare(markOf(a[0]!, telling), markOf(b[0]!, telling)));
  return ordered.map((group) => ({
    frames: group,
    label: telling.map((name) => `${name} ${group[0]!.marks.get(name) ?? "(none)"}`).join(", "),
  }));
}

function doubled(frames: readonly Frame[], normal: readonly number[]): boolean {
  const heights = frames.map((frame) => height(frame, normal)).sort((a, b) => a - b);
  return heights.some((h, i) => i > 0 && h - heights[i - 1]! <= samePlace);
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
