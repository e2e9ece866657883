import { FileError, type Volume } from "@nnunet/core";
import {
  type DicomChoice,
  type DicomSource,
  type ImageWarning,
  readDicomSource,
  readImageInfo,
  refuseOtherPlace,
  type SegmentationMaker,
  writeDicomSegmentation,
} from "@nnunet/io";
import { softwareVersion } from "../software-version.ts";
import type { LoadedPredictor } from "./load-predictor.ts";

/** How an image was segmented. */
export interface SegmentationHow {
  readonly mirroring: boolean;
  readonly stepFraction: number;
  readonly bodyMask?: boolean;
}

/** The series that a case's segmentation object belongs to. */
export interface ObjectOf {
  readonly path: string;
  readonly choice: DicomChoice;
}

/**
 * Before anything is done: a segmentation object belongs to a series, of which the image is, or was made.
 *
 * @param image - of the case's first channel
 * @throws {FileError} if there is no series
 * @throws {ImageFileError} if the image lies elsewhere than the series
 */
export async function refuseOtherSource(image: string, series: ObjectOf): Promise<void> {
  const source = await readDicomSource(series.path, series.choice);
  if (series.path !== image) refuseOtherPlace(image, await readImageInfo(image), source);
}

/**
 * Writes a segmentation as an object of the DICOM series that it was made from, if that is still the same.
 *
 * @param source - of {@link readDicomSource}, read before the image was
 * @param choice - as the image was read
 * @throws {FileError} if a file of the series was added, removed or replaced meanwhile
 */
export async function writeSegmentationObject(
  path: string,
  segmentation: Volume<Int16Array>,
  source: DicomSource,
  choice: DicomChoice,
  predictor: Pick<LoadedPredictor, "members" | "metadata" | "postprocessing">,
  how: SegmentationHow,
  onWarning?: (warning: ImageWarning) => void,
): Promise<void> {
  if (content(await readDicomSource(source.path, choice)) !== content(source)) {
    throw new FileError(source.path, "changed while it was segmented, so that no file was written; predict it again");
  }
  const { dataset } = predictor.metadata;
  const heard = onWarning ? { onWarning } : {};
  await writeDicomSegmentation(path, segmentation, source, { dataset, maker: makerOf(predictor, how), ...heard });
}

function content({ elements, ...source }: DicomSource): string {
  return JSON.stringify([source, [...elements].map(([name, bytes]) => [name, ...bytes])]);
}

/** What a DICOM object says of the model that made it: no name of a case, a person or a machine. */
export function makerOf(
  { members, metadata, postprocessing }: Pick<LoadedPredictor, "members" | "metadata" | "postprocessing">,
  { mirroring, stepFraction, bodyMask }: SegmentationHow,
): SegmentationMaker {
  const { plans } = metadata;
  const configurations = members.map(({ models }) => models[0]!.metadata.configuration);
  const folds = members.map(({ models }) => models.flatMap((model) => model.metadata.folds).join(", "));
  const parameters = [
    `plans ${plans.plansName}`,
    ...configurations.map((name, i) => `${name} folds ${folds[i]}`),
    mirroring ? "mirroring" : "no mirroring",
    `step ${stepFraction}`,
    ...(bodyMask ? ["body mask"] : []),
    ...(postprocessing ? ["postprocessing"] : []),
  ];
  return {
    algorithm: `${plans.datasetName} ${configurations.join(" + ")}`,
    version: `nnunet-ts ${softwareVersion}`,
    parameters: parameters.join("; "),
  };
}
