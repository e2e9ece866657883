import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  axisAlignedGeometry,
  createRandom,
  createVolume,
  type DatasetJson,
  datasetToJson,
  type Shape3,
} from "@nnunet/core";
import { writeJsonAtomic } from "@nnunet/core/node";
import { openDataset, writeImage } from "@nnunet/io";
import { createPipeline, type Folders, resultsPaths, type RunOptions, type TrainOptions } from "@nnunet/pipeline";

/** A folder that is gone after the test. */
export async function withScratch<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "nnunet-pipeline-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function foldersIn(scratch: string): Folders {
  return { raw: join(scratch, "raw"), preprocessed: join(scratch, "preprocessed"), results: join(scratch, "results") };
}

/** Case `index`: a bright block (label 1) and a dark one (label 2) in noise. */
export function tinyCase(index: number, shape: Shape3 = [10, 16, 16]) {
  const random = createRandom(7, "tiny", index);
  const [nz, ny, nx] = shape;
  const image = new Float32Array(nz * ny * nx);
  const label = new Int16Array(image.length);
  const bright = [random.integer(1, nz - 5), random.integer(1, ny - 7), random.integer(1, 4)];
  const dark = [random.integer(1, nz - 5), random.integer(1, ny - 7), random.integer(9, 11)];
  const inside = (at: readonly number[], corner: readonly number[]) =>
    at.every((value, axis) => value >= corner[axis]! && value < corner[axis]! + (axis === 0 ? 4 : 5));
  let i = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        label[i] = inside([z, y, x], bright) ? 1 : inside([z, y, x], dark) ? 2 : 0;
        image[i] = 100 + [0, 40, -40][label[i]!]! + 5 * random.normal();
      }
    }
  }
  const geometry = axisAlignedGeometry([2, 1, 1]);
  return {
    image: createVolume(image, [1, ...shape], geometry),
    label: createVolume(label, [1, ...shape], geometry),
  };
}

export interface TinyDataset {
  readonly name: string;
  /** Case ids are `<prefix>_0`, `<prefix>_1`, … */
  readonly prefix: string;
  readonly trainingCases: number;
  /** With labels, after the training cases. */
  readonly testCases: number;
  readonly shape?: Shape3;
  /** `.nii.gz` by default. */
  readonly fileEnding?: string;
}

const dataset007: TinyDataset = { name: "Dataset007_Tiny", prefix: "tiny", trainingCases: 6, testCases: 1 };

/** What the dataset.json of a tiny dataset says. */
export function tinyJson(numTraining: number, fileEnding = ".nii.gz"): DatasetJson {
  return { channelNames: ["MRI"], labels: { background: 0, bright: 1, dark: 2 }, numTraining, fileEnding };
}

/** Writes a dataset below `raw`, `Dataset007_Tiny` with six training cases and a test case by default; returns its folder. */
export async function writeTinyDataset(raw: string, dataset: TinyDataset = dataset007): Promise<string> {
  const { name, prefix, trainingCases, testCases, shape, fileEnding = ".nii.gz" } = dataset;
  const folder = join(raw, name);
  for (let index = 0; index < trainingCases + testCases; index++) {
    const { image, label } = tinyCase(index, shape);
    const [images, labels] = index < trainingCases ? ["imagesTr", "labelsTr"] : ["imagesTs", "labelsTs"];
    await writeImage(join(folder, images!, `${prefix}_${index}_0000${fileEnding}`), image);
    await writeImage(join(folder, labels!, `${prefix}_${index}${fileEnding}`), label);
  }
  await writeJsonAtomic(join(folder, "dataset.json"), datasetToJson(tinyJson(trainingCases, fileEnding)));
  return folder;
}

/** A training of a second or two. */
export const tinyTraining: TrainOptions = {
  baseFeatures: 2,
  batchSize: 2,
  settings: { epochs: 1, iterationsPerEpoch: 2, validationIterations: 1 },
  workers: 1,
};

/** A run that trains one fold of one configuration. */
export const tinyRun: RunOptions = { configurations: ["3d_fullres"], folds: [0], ...tinyTraining };

/** The tiny dataset with its plan, preprocessed for 3d_fullres. */
export async function preprocessTiny(scratch: string) {
  const folders = foldersIn(scratch);
  const dataset = await openDataset(await writeTinyDataset(folders.raw));
  const pipeline = createPipeline({}, folders);
  await pipeline.fingerprint(dataset);
  const { plans } = await pipeline.plan(dataset);
  await pipeline.preprocess(dataset, plans, ["3d_fullres"]);
  const paths = resultsPaths(folders, dataset.name, plans.plansName, "3d_fullres");
  return { folders, dataset, pipeline, plans, paths };
}
