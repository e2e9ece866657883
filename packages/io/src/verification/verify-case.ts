import { createHash } from "node:crypto";
import {
  type CaseFiles,
  firstNonFinite,
  type Geometry,
  isNnunetError,
  type LabelSet,
  shownShape,
  spatialShape,
  type Volume,
} from "@nnunet/core";
import { readImage } from "../image-file.ts";
import { voxelPlace } from "../geometry/voxel-place.ts";
import { geometryByQform } from "../nifti/nifti-placement.ts";
import { mayLabelDiffer, placementDifferences, placeTolerance } from "../geometry/same-place.ts";
import type { ImageWarning } from "../image-format.ts";
import { imageFiles } from "../image-files.ts";
import { formatOfName } from "../image-formats.ts";
import { packedOtherwise } from "../nifti/copy-nifti.ts";
import { readLabels } from "../dataset/read-labels.ts";
import { type AddProblem, messageWithoutPath } from "./verification-report.ts";

export interface CaseContents {
  readonly filesRead: number;
  /** SHA-256 over shape and voxels of all channels; undefined if one could not be read. */
  readonly digest: string | undefined;
  /** The same of the label. */
  readonly labelDigest: string | undefined;
  /** Whether the label has a voxel that is neither background nor ignored; undefined if that is not known. */
  readonly hasForeground: boolean | undefined;
}

/**
 * Reads the files of one case and reports every problem.
 *
 * @param expectedChannels - undefined where a missing file has been reported already
 * @param labels - undefined where dataset.json could not be read
 */
export async function verifyCase(
  files: CaseFiles,
  expectedChannels: number | undefined,
  labels: LabelSet | undefined,
  add: AddProblem,
): Promise<CaseContents> {
  const hash = createHash("sha256");
  let first: { volume: Omit<Volume, "data">; path: string } | undefined;
  let channels = 0;
  let filesRead = 0;
  let hasForeground: boolean | undefined;
  let labelDigest: string | undefined;
  let complete = files.images.length > 0;
  for (const path of files.images) {
    await reportPackedOtherwise(files.id, path, add);
    const volume = await tryRead(files.id, path, readImage, add);
    if (!volume) {
      complete = false;
      continue;
    }
    filesRead++;
    channels += volume.shape[0];
    const { data } = volume;
    hash.update(`${volume.shape} ${data.constructor.name} `);
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    reportNonFinite(files.id, path, volume, add);
    reportTwoPlacements(files.id, path, volume, add);
    if (first) reportGridDifferences(files.id, path, volume, first.volume, first.path, false, add);
    // The voxels themselves are let go, so that one file at a time is in memory.
    else first = { volume: { shape: volume.shape, geometry: volume.geometry }, path };
  }
  if (complete && expectedChannels !== undefined && channels !== expectedChannels) {
    add({
      kind: "channels",
      case: files.id,
      file: files.images[0]!,
      problem: `the case has ${channels} channel${channels === 1 ? "" : "s"}, dataset.json names ${expectedChannels}`,
      fix: "add or remove channels, or correct channel_names",
    });
  }
  if (files.label !== undefined) {
    await reportPackedOtherwise(files.id, files.label, add);
    const label = await tryRead(files.id, files.label, readLabels, add);
    if (label) {
      filesRead++;
      if (first) reportGridDifferences(files.id, files.label, label, first.volume, first.path, true, add);
      reportTwoPlacements(files.id, files.label, label, add);
      labelDigest = digestOf(label);
      hasForeground = reportLabels(files.id, files.label, label, labels, add);
    }
  }
  return { filesRead, digest: complete ? hash.digest("hex") : undefined, labelDigest, hasForeground };
}

/** SHA-256 of the labels as they count, not as they are stored: another type of numbers makes no other labels. */
function digestOf({ data, shape }: Volume): string {
  const hash = createHash("sha256").update(`${shape}`);
  for (let start = 0; start < data.length; start += hashedAtOnce) {
    const numbers = Int32Array.from(data.subarray(start, start + hashedAtOnce));
    hash.update(new Uint8Array(numbers.buffer));
  }
  return hash.digest("hex");
}

/** So that no whole copy of the labels is in memory. */
const hashedAtOnce = 2 ** 20;

async function tryRead(id: string, path: string, read: typeof readImage, add: AddProblem): Promise<Volume | undefined> {
  const onWarning = ({ field, problem }: ImageWarning) => {
    const what = field === "" ? problem : `${field}: ${problem}`;
    add({
      kind: "odd-header",
      case: id,
      file: path,
      problem: what,
      fix: "check that the image lies where it should, or correct the header",
      severity: "warning",
    });
  };
  try {
    return await read(path, { onWarning });
  } catch (error) {
    const problem = messageWithoutPath(error, path);
    if (isNnunetError(error, "IMAGE_FILE") && error.field === "channels") {
      add({ kind: "channels", case: id, file: path, problem: error.problem, fix: "make one label map of it" });
    } else
      add({ kind: "unreadable", case: id, file: path, problem, fix: "get or make the file again, or remove the case" });
    return undefined;
  }
}

/** Other programs go by the name and fail; we go by the bytes. */
async function reportPackedOtherwise(id: string, path: string, add: AddProblem): Promise<void> {
  const files = await imageFiles(path).catch(() => []);
  for (const file of files.filter((name) => formatOfName(name)?.name === "NIfTI")) {
    const problem = await packedOtherwise(file).catch(() => undefined);
    if (problem === undefined) continue;
    const fix = `${/\.gz$/i.test(file) ? "compress" : "decompress"} the file, or rename it`;
    add({ kind: "compression", case: id, file: path, problem, fix, severity: "warning", fixable: true });
  }
}

function reportNonFinite(id: string, path: string, { data, shape, geometry }: Volume, add: AddProblem): void {
  const at = firstNonFinite(data);
  if (at < 0) return;
  let nan = 0;
  let infinite = 0;
  let beyond = 0;
  for (let i = at; i < data.length; i++) {
    const value = data[i]!;
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) infinite++;
    else if (!Number.isFinite(Math.fround(value))) beyond++;
  }
  const kinds = { NaN: nan, infinite, "too large for float32": beyond };
  const found = Object.entries(kinds).filter(([, count]) => count > 0);
  const counts = found.map(([kind, count]) => `${count} ${kind}`).join(" and ");
  const total = nan + infinite + beyond;
  const where = voxelPlace(at % (data.length / shape[0]), { shape, geometry });
  add({
    kind: "not-finite",
    case: id,
    file: path,
    problem: `${counts} voxel${total === 1 ? "" : "s"}, the first at ${where}`,
    fix: "repair the image (set them to the background value) or remove the case",
  });
}

function reportGridDifferences(
  id: string,
  path: string,
  volume: Volume,
  first: Omit<Volume, "data">,
  firstPath: string,
  isLabel: boolean,
  add: AddProblem,
): void {
  const shape = spatialShape(volume);
  const expected = first.shape.slice(1);
  const name = firstPath.slice(firstPath.lastIndexOf("/") + 1);
  if (shape.some((n, axis) => n !== expected[axis])) {
    const text = `${shownShape(shape)} voxels, but ${shownShape(expected)} in ${name}`;
    add({
      kind: "shape",
      case: id,
      file: path,
      problem: text,
      fix: "resample one of the two onto the other's grid, or remove the case",
    });
  }
  for (const { field, first: wanted, second: got, tiny } of placementDifferences(first.geometry, volume.geometry)) {
    const text = `${field} [${got}]${field === "spacing" ? " mm" : ""}, but [${wanted}] in ${name}`;
    const severity = tiny || (isLabel && mayLabelDiffer({ field, first: wanted, second: got })) ? "warning" : "error";
    add({
      kind: field,
      case: id,
      file: path,
      problem: text,
      fix: tiny ? "rounding; take over the image's" : placementFix[field],
      severity,
      fixable: tiny,
    });
  }
}

const placementFix = {
  spacing: "find out which header is right and correct the other",
  origin: "check that the two lie on each other, then take over the image's",
  direction: "check that the two lie on each other, then take over the image's",
} as const;

function reportTwoPlacements(id: string, path: string, { geometry }: Volume, add: AddProblem): void {
  const { asRead } = geometry;
  const forms = asRead?.nifti;
  if (!(forms && forms.sformCode > 0 && forms.qformCode > 0)) return;
  const [nz, ny, nx] = asRead.shape;
  const other = geometryByQform(forms, [nx, ny, nz]);
  if (other && samePlace(other, geometry)) return;
  add({
    kind: "two-placements",
    case: id,
    file: path,
    problem: "sform and qform place the image differently; we use the sform, ITK may use the qform",
    fix: "set both to the right one",
    severity: "warning",
  });
}

function samePlace(a: Geometry, b: Geometry): boolean {
  const close = (x: readonly number[], y: readonly number[], tolerance: number) =>
    x.every((v, i) => Math.abs(v - y[i]!) <= tolerance);
  return close(a.direction, b.direction, placeTolerance) && close(a.origin, b.origin, 1e-2);
}

function reportLabels(
  id: string,
  path: string,
  { data }: Volume,
  labels: LabelSet | undefined,
  add: AddProblem,
): boolean {
  const allowed = labels?.allowed;
  const counts = new Map<number, number>();
  let last = Number.NaN;
  let run = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value === last) run++;
    else {
      if (run > 0) counts.set(last, (counts.get(last) ?? 0) + run);
      last = value;
      run = 1;
    }
  }
  counts.set(last, (counts.get(last) ?? 0) + run);
  const undeclared = [...counts.keys()].filter((v) =>
    allowed ? !allowed.includes(v) : !(Number.isInteger(v) && v >= 0),
  );
  if (undeclared.length > 0) {
    const listed = undeclared
      .sort((a, b) => a - b)
      .slice(0, 8)
      .map((v) => `${v} (${counts.get(v)} voxels)`)
      .join(", ");
    const more = undeclared.length > 8 ? ` and ${undeclared.length - 8} more` : "";
    const known = allowed ? `; dataset.json declares ${allowed.join(", ")}` : "";
    const fix = 'correct the file, or add the value to "labels" in dataset.json';
    add({ kind: "undeclared-label", case: id, file: path, problem: `undeclared value ${listed}${more}${known}`, fix });
  }
  const hasForeground = [...counts.keys()].some((value) => value !== 0 && value !== labels?.ignoreLabel);
  if (!hasForeground) {
    const fix = "check that this is meant; such a case is sampled as background only";
    add({
      kind: "empty-foreground",
      case: id,
      file: path,
      problem: "there is no foreground voxel",
      fix,
      severity: "warning",
    });
  }
  return hasForeground;
}
