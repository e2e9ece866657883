import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { type DatasetJson, datasetToJson, FileError, type StageOptions, throwIfCancelled } from "@nnunet/core";
import { makeFolder, readJson, writeJsonAtomic } from "@nnunet/core/node";
import { writeImage } from "@nnunet/io";
import type { Folders, RunOptions, RunResult } from "@nnunet/pipeline";
import { describeRun } from "../describe/describe-run.ts";
import { formatDuration } from "../describe/durations.ts";
import { makeDemoCase } from "./demo-case.ts";
import { type StoredOrientation, storeOriented } from "./store-oriented.ts";

export interface DemoSize {
  readonly name: string;
  readonly trainingCases: number;
  readonly testCases: number;
  readonly run: Pick<RunOptions, "configurations" | "folds" | "planner" | "baseFeatures" | "batchSize" | "settings">;
}

const oneTraining = { configurations: ["3d_fullres"], folds: [0] };

/**
 * Chosen so that "full" takes a few minutes and "smoke" well under two on two cores. "cascade" trains five folds of every
 * configuration and takes at most fifteen: a training of 3D takes about 40 s of processor time, of 2D 6 s (AMD EPYC).
 */
export const demoSizes = {
  full: {
    name: "full",
    trainingCases: 30,
    testCases: 5,
    run: { ...oneTraining, baseFeatures: 8, batchSize: 2, settings: { epochs: 8, iterationsPerEpoch: 50 } },
  },
  smoke: {
    name: "smoke",
    trainingCases: 10,
    testCases: 2,
    run: { ...oneTraining, baseFeatures: 4, batchSize: 2, settings: { epochs: 2, iterationsPerEpoch: 10 } },
  },
  cascade: {
    name: "cascade",
    trainingCases: 15,
    testCases: 3,
    run: {
      // The images are so small that a patch for any real GPU covers them. For this memory it covers less than half, which
      // the overrides call little.
      planner: {
        gpuMemoryGb: 0.08,
        overrides: { cascadeTrigger: 0.6, cascadeCoverage: 0.9, cascadeMinimumShrinkage: 1.5 },
      },
      baseFeatures: 8,
      batchSize: 2,
      settings: { epochs: 6, iterationsPerEpoch: 40 },
    },
  },
} as const satisfies Record<string, DemoSize>;

/** Of the made-up images. */
export const demoSeed = 20;
const DATASET = "Dataset001_DemoShapes";
const MARKER = "this_is_a_nnunet_demo.json";

/** Every fourth case comes from a "scanner" that stores its axes in its own way. */
const orientations: readonly StoredOrientation[] = [
  { axes: [0, 1, 2], reversed: [true, false, true] },
  { axes: [0, 2, 1], reversed: [false, true, false] },
  { axes: [0, 1, 2], reversed: [false, true, false] },
];

const description: DatasetJson = {
  name: DATASET,
  channelNames: ["MRI"],
  labels: { background: 0, ball: 1, rod: 2 },
  numTraining: 0,
  fileEnding: ".nii.gz",
};

/**
 * The folders of a demo under one root. A folder that is not a demo's is never written into.
 *
 * @throws {FileError} if `root` holds something else, or a demo of another size
 */
export async function demoFolder(root: string, size: DemoSize): Promise<Folders> {
  const marker = join(root, MARKER);
  if (existsSync(marker)) {
    const found = (await readJson(marker)) as { size?: string };
    if (found.size !== size.name) {
      throw new FileError(
        root,
        `holds the demo of size "${found.size}"; remove it, or choose another folder by --output`,
      );
    }
  } else if (existsSync(root) && (await readdir(root)).length > 0) {
    throw new FileError(root, "is not empty and not a demo of nnunet; choose another folder by --output");
  }
  await makeFolder(root);
  await writeJsonAtomic(marker, { size: size.name });
  return {
    raw: join(root, "nnUNet_raw"),
    preprocessed: join(root, "nnUNet_preprocessed"),
    results: join(root, "nnUNet_results"),
  };
}

/**
 * Writes the demo's raw dataset, unless it is there: dataset.json is written last, so that it says the rest is whole.
 *
 * @returns the dataset's folder
 */
export async function writeDemoDataset(
  raw: string,
  size: DemoSize,
  { signal, onEvent }: StageOptions,
): Promise<string> {
  const folder = join(raw, DATASET);
  const total = size.trainingCases + size.testCases;
  if (existsSync(join(folder, "dataset.json"))) return folder;
  const detail = `${size.trainingCases} training and ${size.testCases} test images of shapes`;
  onEvent?.({ type: "stage-start", stage: "make data", total, detail });
  const started = performance.now();
  for (let index = 0; index < total; index++) {
    throwIfCancelled(signal, "demo");
    const made = makeDemoCase(demoSeed, index);
    const orientation = index % 4 === 3 ? orientations[Math.floor(index / 4) % orientations.length] : undefined;
    const { image, label } = orientation
      ? { image: storeOriented(made.image, orientation), label: storeOriented(made.label, orientation) }
      : made;
    const id = `shapes_${String(index + 1).padStart(3, "0")}`;
    const [images, labels] = index < size.trainingCases ? ["imagesTr", "labelsTr"] : ["imagesTs", "labelsTs"];
    await writeImage(join(folder, images!, `${id}_0000.nii.gz`), image);
    await writeImage(join(folder, labels!, `${id}.nii.gz`), label);
    onEvent?.({ type: "progress", stage: "make data", done: index + 1, total, item: id });
  }
  await writeJsonAtomic(
    join(folder, "dataset.json"),
    datasetToJson({ ...description, numTraining: size.trainingCases }),
  );
  onEvent?.({ type: "stage-end", stage: "make data", seconds: (performance.now() - started) / 1000, detail: folder });
  return folder;
}

/** Scores, files and what to do next. */
export function describeDemo(result: RunResult, root: string, size: DemoSize, seconds: number): string[] {
  const { model } = result.folds[0]!.training;
  const chosen = result.folds.length > 1 ? result.best?.folder : undefined;
  const predictor = chosen ?? model;
  const shown = (path: string) => relative(process.cwd(), path) || ".";
  const environment = ["raw", "preprocessed", "results"].map(
    (name) => `--${name} ${shown(join(root, `nnUNet_${name}`))}`,
  );
  const files: (readonly [string, string])[] = [
    [result.dataset.folder, "the images and their labels"],
    [join(root, "nnUNet_preprocessed", DATASET, "dataset_fingerprint.json"), "what was measured of them"],
    [result.plansPath, "the plan: every decision, with its reason"],
    ...(chosen === undefined
      ? []
      : ([[chosen, "the final predictor: what the comparison chose, ready to predict"]] as const)),
    [
      model,
      chosen === undefined ? "the trained network, all that is needed to predict" : "one of the trained networks",
    ],
    [join(model, "..", "progress.svg"), chosen === undefined ? "the training curves" : "its training curves"],
    [join(model, "..", "validation", "summary.json"), "the validation scores, case by case"],
    ...result.test.map(({ folder }) => [folder, "segmentations of the images kept aside"] as const),
    [result.report, "the report: how good it is, where it fails, and why this was chosen"],
  ];
  const caution =
    size.name === "smoke"
      ? [
          "At this size the training is far too short: it only shows that everything works, its scores mean nothing.",
          "",
        ]
      : [];
  return [
    ...describeRun(result),
    "",
    ...caution,
    `The whole run took ${formatDuration(seconds)}. Files made:`,
    ...files.flatMap(([path, what]) => [`  ${shown(path)}`, `      ${what}`]),
    "",
    "What to try next:",
    `  npx nnunet info ${shown(model)}`,
    `  npx nnunet plan 1 --explain ${environment.join(" ")}`,
    `  npx nnunet predict -i ${shown(join(result.dataset.folder, "imagesTs"))} -o ${shown(join(root, "my_segmentations"))} -m ${shown(predictor)}`,
    "  npx nnunet convert <a Medical Segmentation Decathlon task>, then npx nnunet run: your own data",
  ];
}
