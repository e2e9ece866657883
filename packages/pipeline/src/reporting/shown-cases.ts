import {
  createVolume,
  FileError,
  isNnunetError,
  labelSet,
  meanOfDefined,
  type RawDataset,
  ShapeMismatchError,
  spatialShape,
  type VoxelArray,
} from "@nnunet/core";
import { encodePng, planeGeometry, readCase, readLabels, saysItsPlace, saysItsSpacing } from "@nnunet/io";
import type { CaseName, ShownCase, SlicedCase } from "@nnunet/report";
import { reportedLabels } from "./case-scores.ts";
import { reportPackage } from "./report-package.ts";
import type { ScoredCandidate } from "./scored-candidates.ts";

interface Ranked {
  readonly id: string;
  readonly prediction: string;
  readonly dice: number;
}

/**
 * Slices of the best, the middle and the worst case of a candidate, reference against prediction.
 *
 * @param onProblem - hears why a case cannot be shown: its prediction was taken away, say
 */
export async function shownCases(
  dataset: RawDataset,
  candidate: ScoredCandidate,
  nameOf: (id: string) => CaseName,
  onProblem: (text: string) => void,
): Promise<ShownCase[]> {
  const ranked = rankedCases(candidate);
  if (ranked.length === 0) return [];
  const { chooseSlices, drawSlice } = await reportPackage();
  const wanted = [
    { role: "best", entry: ranked[0]! },
    { role: "median", entry: ranked[Math.floor((ranked.length - 1) / 2)]! },
    { role: "worst", entry: ranked.at(-1)! },
  ] as const;
  const shown: ShownCase[] = [];
  for (const { role, entry } of wanted.filter(
    ({ entry: { id } }, i) => wanted.findIndex((w) => w.entry.id === id) === i,
  )) {
    try {
      const sliced = await readSliced(dataset, entry);
      const slices = chooseSlices(sliced.reference, sliced.prediction, sliced.shape, sliced.spacing).map((chosen) => {
        const { grey, ...drawn } = drawSlice(sliced, chosen);
        const pixels = createVolume(grey, [1, 1, drawn.height, drawn.width], planeGeometry);
        return { ...drawn, png: encodePng(pixels).toString("base64") };
      });
      const channel = `channel 0, ${dataset.json.channelNames[0]}`;
      shown.push({ ...nameOf(entry.id), role, dice: entry.dice, channel, slices });
    } catch (error) {
      if (!isNnunetError(error)) throw error;
      onProblem(
        `The ${role === "median" ? "middle" : role} case cannot be shown: its images have changed or are gone since it was validated.`,
      );
    }
  }
  return shown;
}

/** By the mean Dice over the labels that the case has, best first. */
function rankedCases({ cases }: ScoredCandidate): Ranked[] {
  return cases
    .flatMap(({ id, prediction, metrics }) => {
      const mean = meanOfDefined(Object.values(metrics).map(({ dice }) => dice));
      return Number.isNaN(mean) ? [] : [{ id, prediction, dice: mean }];
    })
    .sort((a, b) => b.dice - a.dice);
}

async function readSliced(dataset: RawDataset, { id, prediction }: Ranked): Promise<SlicedCase> {
  const files = dataset.trainingCases.find((entry) => entry.id === id);
  if (files === undefined) throw new FileError(id, "is no case of the dataset any more");
  const { image, label } = await readCase(files, dataset.json);
  const predicted = await readLabels(prediction);
  const shape = spatialShape(image);
  if (spatialShape(predicted).join() !== shape.join()) {
    throw new ShapeMismatchError(prediction, shape, spatialShape(predicted), "it is compared with its image", "image");
  }
  const { spacing, direction } = image.geometry;
  const { ignoreLabel } = labelSet(dataset.json);
  const ignored = (voxels: VoxelArray) =>
    ignoreLabel === undefined ? voxels : voxels.map((value, i) => (label!.data[i] === ignoreLabel ? 0 : value));
  return {
    image: image.data.subarray(0, image.data.length / image.shape[0]),
    reference: ignored(label!.data),
    prediction: ignored(predicted.data),
    shape,
    spacing,
    saysSpacing: saysItsSpacing(image.geometry),
    direction: saysItsPlace(files.images[0]!) ? direction : undefined,
    labels: reportedLabels(dataset),
  };
}
