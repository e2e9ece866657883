import { join, relative, resolve } from "node:path";
import {
  type CaseFiles,
  type DatasetJson,
  labelSet,
  noForeground,
  type StageOptions,
  throwIfCancelled,
} from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import {
  commonEnding,
  datasetNameParts,
  explicitCases,
  type ImageListing,
  isEndingWrong,
  listImages,
  readDatasetJson,
} from "../dataset/dataset-folder.ts";
import { requireFolder, visibleFiles } from "../files/folder-contents.ts";
import {
  type AddProblem,
  type DatasetProblem,
  messageWithoutPath,
  type VerificationReport,
} from "./verification-report.ts";
import { asWritten } from "../dataset/as-written.ts";
import { imageFolder } from "../dataset/image-folder.ts";
import { type CaseContents, verifyCase } from "./verify-case.ts";
import { channelFileName } from "../dataset/channel-name.ts";

/**
 * Reads every file of a raw dataset and reports everything that is wrong, each with its fix. It never stops at the
 * first problem.
 *
 * Checked: the folder's name and dataset.json; missing and extra files; files that cannot be read; number of
 * channels, shape, spacing, origin and direction within a case; NaN and infinite voxels; labels that are not declared
 * or not whole numbers; cases without foreground; cases with the same voxels; NIfTI files that place the image in two
 * different ways.
 *
 * @throws {FileError} only if the folder itself does not exist
 * @throws {CancelledError} if the signal is aborted
 * @example (await verifyDataset("nnUNet_raw/Dataset004_Hippocampus")).ok; // true
 */
export async function verifyDataset(folder: string, options: StageOptions = {}): Promise<VerificationReport> {
  const started = Date.now();
  const root = resolve(folder);
  await requireFolder(root);
  const problems: DatasetProblem[] = [];
  const written: Record<string, string> = {};
  const add: AddProblem = ({ kind, severity = "error", case: id = "", file, problem, fix, fixable = false }) => {
    const called = (text: string) => asWritten({ written }, text);
    const shown = file.startsWith(`${root}/`) && written[file] === undefined ? relative(root, file) : called(file);
    problems.push({ kind, severity, case: id, file: shown, problem: called(problem), fix: called(fix), fixable });
  };
  try {
    datasetNameParts(root);
  } catch (error) {
    add({
      kind: "folder-name",
      file: root,
      problem: messageWithoutPath(error, root),
      fix: "rename the folder to DatasetNNN_Name",
    });
  }
  let json: DatasetJson | undefined;
  try {
    json = await readDatasetJson(root);
    checkDatasetJson(json, root, add);
  } catch (error) {
    const path = join(root, "dataset.json");
    add({
      kind: "dataset-json",
      file: path,
      problem: messageWithoutPath(error, path),
      fix: "correct dataset.json; the files are checked without it",
    });
  }
  const found = await commonEnding(join(root, "imagesTr"));
  const wrong = json && !json.dataset && (await isEndingWrong(join(root, "imagesTr"), json.fileEnding));
  if (wrong) {
    const problem = `file_ending is "${json!.fileEnding}", but the files of imagesTr end with "${found}"`;
    const fix = `set file_ending to "${found}"; the files are checked as if it were so`;
    add({ kind: "dataset-json", file: join(root, "dataset.json"), problem, fix, fixable: true });
  }
  const ending = wrong ? found : (json?.fileEnding ?? found);
  const training = await trainingCases(root, json, ending, add, written);
  // Nothing about test images keeps a network from being trained; they are looked at again when they are predicted.
  const warn: AddProblem = (found) => add({ ...found, severity: "warning" });
  const test = await testCases(root, json, ending, warn);
  if (json && json.numTraining !== training.length) {
    add({
      kind: "case-count",
      file: join(root, "dataset.json"),
      problem: `numTraining is ${json.numTraining}, there are ${training.length} training cases`,
      fix: `set numTraining to ${training.length}, or add the missing cases`,
      fixable: true,
    });
  }
  if (training.length === 0) {
    add({
      kind: "missing-file",
      file: join(root, "imagesTr"),
      problem: "there is no training case",
      fix: `add files such as case_0000${ending}`,
    });
  }
  const labels = json && labelSet(json);
  const foreground: (boolean | undefined)[] = [];
  const all = [...training, ...test];
  const seen: SeenImages = new Map();
  let filesRead = 0;
  options.onEvent?.({ type: "stage-start", stage: "verify", total: all.length, detail: root });
  for (const [i, files] of all.entries()) {
    throwIfCancelled(options.signal, `verify ${folder}`);
    const isTest = i >= training.length;
    const isWhole = !problems.some((p) => p.kind === "missing-file" && p.case === files.id);
    const expectedChannels = isWhole ? json?.channelNames.length : undefined;
    const contents = await verifyCase(files, expectedChannels, labels, isTest ? warn : add);
    if (!isTest) foreground.push(contents.hasForeground);
    filesRead += contents.filesRead;
    reportDuplicate(files, contents, seen, isTest ? warn : add);
    options.onEvent?.({ type: "progress", stage: "verify", done: i + 1, total: all.length, item: files.id });
  }
  if (training.length > 0 && foreground.every((has) => has === false)) {
    add({
      kind: "empty-foreground",
      file: join(root, "labelsTr"),
      problem: noForeground,
      fix: "label the structures to be learned",
    });
  }
  options.onEvent?.({ type: "stage-end", stage: "verify", seconds: (Date.now() - started) / 1000 });
  const ok = problems.every(({ severity }) => severity === "warning");
  return { folder: root, trainingCases: training.length, testCases: test.length, filesRead, problems, ok };
}

function checkDatasetJson(json: DatasetJson, root: string, add: AddProblem): void {
  const { allowed } = labelSet(json);
  const gap = allowed.findIndex((id, i) => id !== i);
  if (gap < 0) return;
  add({
    kind: "label-ids",
    file: join(root, "dataset.json"),
    problem: `the label ids have gaps: ${gap} is missing before ${allowed[gap]}; nnU-Net v2 refuses such a dataset, and the network gets outputs that are never used`,
    fix: "renumber the labels 0, 1, 2, … in dataset.json and in the label files",
    severity: "warning",
  });
}

async function trainingCases(
  root: string,
  json: DatasetJson | undefined,
  ending: string,
  add: AddProblem,
  written: Record<string, string>,
): Promise<CaseFiles[]> {
  if (json?.dataset) {
    try {
      const cases = explicitCases(root, json);
      for (const files of cases) Object.assign(written, files.written);
      return await existingFiles(cases, add);
    } catch (error) {
      const path = join(root, "dataset.json");
      add({
        kind: "dataset-json",
        file: path,
        problem: messageWithoutPath(error, path),
        fix: "set the variable or write the path out",
      });
      return [];
    }
  }
  const images = await listImages(join(root, "imagesTr"), ending);
  const cases = (await casesOf(join(root, "imagesTr"), images, json, ending, add)).map((files) => ({
    ...files,
    label: join(root, "labelsTr", `${files.id}${ending}`),
  }));
  const { companions } = await imageFolder(join(root, "labelsTr"), ending);
  for (const file of await visibleFiles(join(root, "labelsTr"))) {
    if (companions.has(file)) continue;
    const id = file.endsWith(ending) ? file.slice(0, -ending.length) : undefined;
    if (id !== undefined && images.cases.has(id)) continue;
    const path = join(root, "labelsTr", file);
    if (id === undefined) addStray(path, `does not end in ${ending}`, add);
    else {
      add({
        kind: "missing-file",
        case: id,
        file: join(root, "imagesTr", `${id}_0000${ending}`),
        problem: "there is a label but no image of this case",
        fix: "add the image or remove the label",
      });
    }
  }
  return existingFiles(cases, add);
}

async function testCases(
  root: string,
  json: DatasetJson | undefined,
  ending: string,
  add: AddProblem,
): Promise<CaseFiles[]> {
  const folder = join(root, "imagesTs");
  try {
    return await casesOf(folder, await listImages(folder, ending), json, ending, add);
  } catch (error) {
    add({
      kind: "unreadable",
      file: folder,
      problem: messageWithoutPath(error, folder),
      fix: "correct it before the test images are predicted",
    });
    return [];
  }
}

async function casesOf(
  folder: string,
  listing: ImageListing,
  json: DatasetJson | undefined,
  ending: string,
  add: AddProblem,
): Promise<CaseFiles[]> {
  const { companions } = await imageFolder(folder, ending);
  for (const file of listing.others.filter((other) => !companions.has(other)))
    addStray(join(folder, file), `is not called <case>_0000${ending}`, add);
  const expected = json?.channelNames.length ?? Math.max(0, ...[...listing.cases.values()].map((c) => c.length));
  return [...listing.cases].map(([id, files]) => {
    for (const [channel, file] of files.entries()) {
      if (file !== undefined && channel >= expected) {
        add({
          kind: "extra-file",
          case: id,
          file: join(folder, file),
          problem: `there is no channel ${channel}; dataset.json names ${expected}`,
          fix: "remove the file, or name the channel in channel_names",
        });
      }
    }
    // A single file may hold all channels; its content is counted later.
    const needed = files.length === 1 ? 1 : expected;
    for (let channel = 0; channel < needed; channel++) {
      if (files[channel] !== undefined) continue;
      const name = json?.channelNames[channel];
      add({
        kind: "missing-file",
        case: id,
        file: join(folder, channelFileName(id, channel, ending)),
        problem: `channel ${channel}${name === undefined ? "" : ` (${name})`} of the case is missing`,
        fix: "add the file or remove the case",
      });
    }
    const present = files.slice(0, expected).filter((file) => file !== undefined);
    return { id, images: present.map((file) => join(folder, file)) };
  });
}

function addStray(path: string, why: string, add: AddProblem): void {
  add({
    kind: "extra-file",
    file: path,
    problem: `the file ${why} and is never used`,
    fix: "remove or rename it",
    severity: "warning",
    fixable: true,
  });
}

async function existingFiles(cases: readonly CaseFiles[], add: AddProblem): Promise<CaseFiles[]> {
  const found: CaseFiles[] = [];
  for (const { id, images, label } of cases) {
    const present: string[] = [];
    for (const path of images) {
      if (await exists(path)) present.push(path);
      else
        add({
          kind: "missing-file",
          case: id,
          file: path,
          problem: "the image is missing",
          fix: "add the file or remove the case",
        });
    }
    const hasLabel = label !== undefined && (await exists(label));
    if (!hasLabel) {
      const where = label ?? "dataset.json";
      add({
        kind: "missing-file",
        case: id,
        file: where,
        problem: "the label is missing",
        fix: "add the file or remove the images of this case",
      });
    }
    found.push(hasLabel ? { id, images: present, label } : { id, images: present });
  }
  return found;
}

/** The first case with each image, and its labels. */
type SeenImages = Map<string, { readonly id: string; readonly labelDigest: string | undefined }>;

function reportDuplicate(
  files: CaseFiles,
  { digest, labelDigest }: CaseContents,
  seen: SeenImages,
  add: AddProblem,
): void {
  if (digest === undefined) return;
  const first = seen.get(digest);
  if (first === undefined) {
    seen.set(digest, { id: files.id, labelDigest });
    return;
  }
  const found = { kind: "duplicate", case: files.id, file: files.images[0]! } as const;
  const differ = labelDigest !== undefined && first.labelDigest !== undefined && labelDigest !== first.labelDigest;
  if (differ) {
    // annotated several times, as datasets of several raters are
    const problem = `the image is the same as that of case ${first.id}, with other labels`;
    const fix =
      "two annotations of one image belong into one fold: split by groups, or a network is validated on an image that it was trained on";
    add({ ...found, problem, fix, severity: "warning" });
    return;
  }
  add({
    ...found,
    problem: `the voxels of this case are the same as those of case ${first.id}`,
    fix: "remove one of the two: a copy in training and validation makes the results look better than they are",
  });
}
