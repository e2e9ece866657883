import type { Shape3 } from "@nnunet/core";
import { tinyCase, tinyJson, writeTinyDataset } from "../../pipeline/tests/tiny-dataset.ts";

const shape: Shape3 = [8, 12, 12];

/** An image with two blocks in noise, and their labels 1 and 2. */
export const madeCase = (index: number, other: Shape3 = shape) => tinyCase(index, other);

export const madeJson = tinyJson(5);

/** Writes `Dataset008_Made` with five training cases below `raw` and returns its folder. */
export const writeMadeDataset = (raw: string) =>
  writeTinyDataset(raw, { name: "Dataset008_Made", prefix: "made", trainingCases: 5, testCases: 0, shape });

/** Options of a training that takes a second. */
export const tinyTraining = [
  "--base-features",
  "2",
  "--batch-size",
  "2",
  "--epochs",
  "1",
  "--iterations-per-epoch",
  "2",
];
