import { join } from "node:path";
import { type CaseFiles, FileError, InvalidArgumentError, type StageOptions } from "@nnunet/core";
import { pathBelow, whileLocked } from "@nnunet/core/node";
import type { PredictionLimits } from "@nnunet/inference";
import type { DicomChoice } from "@nnunet/io";
import type { Context } from "../stages.ts";
import type { ProbabilityForm } from "./case-outputs.ts";
import { probabilityStoreIn } from "./earlier-probabilities.ts";
import { inputCases } from "./input-cases.ts";
import type { LoadedPredictor } from "./load-predictor.ts";
import { predictCases } from "./predict-cases.ts";
import {
  describePredictions,
  isSegmentationObject,
  namesOneFile,
  refuseResultsAmongInputs,
  SEGMENTATION_OBJECT,
  segmentationEnding,
} from "./prediction-output.ts";

export interface PredictionOptions extends StageOptions, PredictionLimits, DicomChoice {
  /**
   * "dicom-seg": each segmentation of an output folder is a DICOM segmentation object, `<case>.dcm`; the images must be
   * DICOM. One file is one where `output` ends with `.dcm`.
   */
  readonly format?: "dicom-seg" | undefined;
  /**
   * The folder of the DICOM series that the image was converted from (by dcm2niix, say), to which its segmentation object
   * then belongs; where the output is a folder, a folder of such folders called as the cases. `seriesUid` and `volume`
   * choose in it.
   */
  readonly convertedFrom?: string | undefined;
  /** Average over mirrored copies of each patch; true by default. Up to 8 times the work. */
  readonly mirroring?: boolean;
  /** Of CT: take patches that show air alone for background, without running the network; false by default. */
  readonly bodyMask?: boolean;
  /** Stride between patches as a fraction of the patch; 0.5 by default. */
  readonly stepFraction?: number;
  /**
   * Also write `<case>_probabilities.nii.gz`, one float32 channel per class or region; "npz" for `<case>.npz` and `.pkl`,
   * which `nnUNetv2_ensemble` reads.
   */
  readonly saveProbabilities?: ProbabilityForm | undefined;
  /** Keep the probabilities, compressed, as `probabilities/<case>.zarr` in an output folder, for `ensemble`. */
  readonly probabilities?: boolean | undefined;
  /** Replace segmentations that exist; otherwise they are an error, found before any work. */
  readonly overwrite?: boolean;
  /**
   * Keep segmentations in an output folder that were made from the same models, options and images, and predict the
   * other cases. What was made from something else, or is cut off, is made again; what is not known to be ours, or was
   * changed by hand, is refused.
   */
  readonly continue?: boolean;
  /**
   * Cases in work at a time, each in a thread that shares the cores with the others; by default as many as cores, memory
   * and work allow.
   */
  readonly casesAtOnce?: number | undefined;
}

/**
 * Images → segmentations in the geometry of each image.
 *
 * @param predictor - of `loadPredictor`, or `predictorOf` models that are loaded already
 * @param input - a file, a folder of files, a folder of one DICOM series, or a folder of such folders
 * @param output - a file if `input` is one case and this ends like an image file, otherwise a folder that gets
 *   `<case>` with the dataset's file ending (`.nii.gz` where that cannot be written), `dataset.json` and `plans.json`
 * @returns the files written
 * @throws {UnsupportedError} if the output's format cannot be written or cannot hold the image
 * @throws {FileError} if a DICOM segmentation is asked for of an image that is no DICOM
 * @throws {FileError} if a segmentation exists, the output is an input or lies among them, belongs to something else, or
 *   is being written by another process
 */
export async function predictFiles(
  context: Context,
  predictor: LoadedPredictor,
  input: string,
  output: string,
  options: PredictionOptions = {},
): Promise<string[]> {
  const { metadata } = predictor;
  const { overwrite = false, continue: goOn = false, probabilities = false, format, convertedFrom, ...rest } = options;
  const { seriesUid, volume } = options;
  if (overwrite && goOn) throw new InvalidArgumentError("continue", "one of continue and overwrite", "both");
  const toFile = await namesOneFile(input, output, options);
  if (toFile && format === "dicom-seg" && !isSegmentationObject(output)) {
    throw new InvalidArgumentError("format", `with dicom-seg an output folder, or a file that ends with .dcm`, output);
  }
  if (convertedFrom !== undefined && format !== "dicom-seg" && !(toFile && isSegmentationObject(output))) {
    const expected =
      "an output that ends with .dcm, or a folder with `format` dicom-seg, because only such objects name a series";
    throw new InvalidArgumentError("convertedFrom", expected, output);
  }
  const cases = await inputCases(input, metadata.dataset.channelNames);
  if (toFile && probabilities) {
    throw new InvalidArgumentError("probabilities", "an output folder to keep them in", output);
  }
  if (toFile && cases.length > 1) {
    throw new FileError(output, `is one file, but ${input} holds ${cases.length} cases; name a folder instead`);
  }
  await refuseResultsAmongInputs(input, output, toFile);
  const usual = () => segmentationEnding(metadata.dataset, cases, options);
  const ending = toFile ? "" : format === "dicom-seg" ? SEGMENTATION_OBJECT : await usual();
  const target = (files: CaseFiles) => (toFile ? output : pathBelow(output, `${files.id}${ending}`));
  const chosen = seriesUid === undefined && volume === undefined ? undefined : { seriesUid, volume };
  const seriesOf =
    convertedFrom === undefined
      ? undefined
      : (files: CaseFiles) => (toFile ? convertedFrom : pathBelow(convertedFrom, files.id));
  return predictCases(context, predictor, cases, {
    ...rest,
    target,
    convertedFrom: seriesOf,
    existing: overwrite ? "overwrite" : goOn ? "continue" : "refuse",
    ...(probabilities && { probabilityStore: probabilityStoreIn(output) }),
    ...(toFile
      ? {}
      : {
          record: {
            madeFrom: join(output, "made_from.json"),
            name: "predictions",
            also: chosen,
            beside: seriesOf && ((files: CaseFiles) => [seriesOf(files)]),
          },
        }),
    begin: async () => {
      if (toFile) return;
      const describe = () => describePredictions(output, predictor);
      await whileLocked(join(output, "plans.json"), "describing the predictions", describe, {
        ...rest,
        wait: { stage: "predict" },
      });
    },
  });
}
