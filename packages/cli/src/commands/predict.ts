import { InvalidArgumentError } from "@nnunet/core";
import { defaultMaxPatches, type Device, type Model } from "@nnunet/inference";
import { fastPrediction, type Fold, type LoadedPredictor, loadPredictor, namesOneFile } from "@nnunet/pipeline";
import type { Pipeline } from "@nnunet/pipeline";
import { type Command, Option } from "commander";
import { openNamedDataset, pipelineOf } from "../options/dataset-argument.ts";
import {
  type CommonFlags,
  deviceOption,
  memoryOption,
  positiveInteger,
  stepFraction,
  withStageOptions,
  withExample,
} from "../options/options.ts";
import { sharedOption } from "../options/shared-options.ts";
import type { Ending } from "../ending.ts";
import { runCommand } from "../session.ts";

interface Flags extends CommonFlags {
  readonly input: string;
  readonly output: string;
  readonly model?: string[];
  readonly dataset?: string;
  readonly configurations?: string;
  readonly folds?: Fold[];
  readonly plans?: string;
  readonly device: Device;
  readonly mirroring: boolean;
  readonly stepSize?: number;
  readonly bodyMask?: boolean;
  readonly fast?: boolean;
  readonly maxMemory?: number;
  readonly maxPatches?: number;
  readonly threads?: number;
  readonly saveProbabilities?: "nii.gz" | "npz";
  readonly probabilities?: boolean;
  readonly format?: "dicom-seg";
  readonly series?: string;
  readonly convertedFrom?: string;
  readonly volume?: number;
  readonly continue?: boolean;
  readonly overwrite?: boolean;
}

export function predictCommand(program: Command, ending: Ending): void {
  const command = program
    .command("predict")
    .description("segment images with a trained model; each result has the geometry of its image")
    .requiredOption(
      "-i, --input <path>",
      "an image, a folder of images (case_0000.nii.gz, …), of one DICOM series, or of folders of one series each",
    )
    .addOption(
      sharedOption("output", {
        description:
          "a file for one image (seg.dcm: a DICOM segmentation object), or a folder that gets CASE with the dataset's ending",
      }).makeOptionMandatory(),
    )
    .option(
      "-m, --model <path...>",
      "a final predictor, model.onnx (several are averaged), a folder with trained folds, or a model of nnU-Net v2 (folder, zip, checkpoint)",
    )
    .option("-d, --dataset <dataset>", "instead of -m: the dataset that was trained on")
    .addOption(
      sharedOption("configurations", {
        description:
          "with -d: one of its configurations (default: the final predictor of find-best); with -m: one of several models of nnU-Net",
      }),
    )
    .addOption(
      sharedOption("folds", {
        several: true,
        description:
          "with -d or a folder: the folds to average (default: those of the cross-validation that are trained; one divided at random, or all, only where it is alone)",
      }),
    )
    .addOption(
      sharedOption("plans", { description: "with -d: name of the plan (default: the only one that was trained)" }),
    )
    .addOption(deviceOption())
    .option("--no-mirroring", "do not average over mirrored copies: up to 8 times faster, a little less exact")
    .option(
      "--step-size <fraction>",
      "stride of the sliding window as a fraction of the patch (default: 0.5)",
      stepFraction,
    )
    .option("--body-mask", "of CT: take patches that show air alone for background, without running the network")
    .option(
      "--fast",
      `--no-mirroring, --step-size ${fastPrediction.stepFraction} and --body-mask: an eighth of the work or less; on hippocampi the mean Dice fell by 0.009 (docs/results/shortcuts.md)`,
    )
    .addOption(memoryOption())
    .option(
      "--max-patches <n>",
      `positions of the sliding window that a case may need (default: ${defaultMaxPatches.toLocaleString("en")})`,
      positiveInteger,
    )
    .option(
      "--threads <n>",
      "of a network on the CPU (default: as many as cores, shared by the cases in work); with 3 or more the last bits of probabilities may differ",
      positiveInteger,
    )
    .addOption(
      new Option("--format <name>", "of the segmentations in a folder: DICOM segmentation objects, CASE.dcm").choices([
        "dicom-seg",
      ]),
    )
    .option(
      "--converted-from <folder>",
      "with -o seg.dcm or --format dicom-seg: the DICOM series that the image (NIfTI) was converted from; of a folder of images, a folder of such folders",
    )
    .option("--series <uid>", "of a DICOM folder with several series: the one to segment")
    .option(
      "--volume <n>",
      "of a DICOM series with several volumes (echoes, times, stacks): the one to segment",
      positiveInteger,
    )
    .addOption(
      new Option(
        "--save-probabilities [form]",
        "also write CASE_probabilities.nii.gz, one channel per class or region; npz: CASE.npz and CASE.pkl, as nnUNetv2_ensemble reads them",
      )
        .choices(["nii.gz", "npz"])
        .preset("nii.gz"),
    )
    .addOption(
      sharedOption("probabilities", {
        description: "keep the probabilities, compressed, in OUTPUT/probabilities, for ensemble",
      }),
    )
    .addOption(
      sharedOption("continue", {
        description:
          "keep results that exist, of the same image, models and options, and predict the other images, after Ctrl-C",
      }),
    )
    .addOption(
      sharedOption("overwrite", {
        description: "replace results that exist; never an input or a dataset.json of something else",
      }),
    )
    .action(async (flags: Flags) => {
      ending.code = await runCommand(flags, async ({ signal, onEvent, print }) => {
        const pipeline = await pipelineOf(flags, { onEvent });
        if (flags.continue && flags.overwrite) {
          throw new InvalidArgumentError("--continue", "one of --continue and --overwrite", "both");
        }
        const path = await chosenModels(flags, pipeline);
        const choice = { seriesUid: flags.series, volume: flags.volume, convertedFrom: flags.convertedFrom };
        await namesOneFile(flags.input, flags.output, choice); // refuses an impossible format before a model is loaded
        const predictor = await loadPredictor(path, {
          device: flags.device,
          ...(flags.threads && { threads: flags.threads }),
          folds: flags.folds,
          configuration: flags.configurations,
          onEvent,
        });
        try {
          onEvent({ type: "message", stage: "predict", level: "info", text: foldsUsed(predictor) });
          const written = await pipeline.predict(predictor, flags.input, flags.output, {
            mirroring: flags.mirroring,
            bodyMask: flags.bodyMask,
            ...(flags.fast && fastPrediction),
            ...(flags.stepSize !== undefined && { stepFraction: flags.stepSize }),
            maxMemoryGb: flags.maxMemory,
            maxPatches: flags.maxPatches,
            saveProbabilities: flags.saveProbabilities === "npz" ? "npz" : flags.saveProbabilities !== undefined,
            probabilities: flags.probabilities,
            format: flags.format,
            ...choice,
            continue: flags.continue,
            overwrite: flags.overwrite,
            signal,
            onEvent,
          });
          print(...(written.length > 0 ? written : ["nothing left to predict"]));
          return { value: { models: predictor.files, written } };
        } finally {
          await predictor.dispose();
        }
      });
    });
  withExample(
    withStageOptions(command),
    "nnunet predict -i case_0000.nii.gz -o case_segmentation.nii.gz -m model.onnx",
    "nnunet predict -i CT_SERIES_FOLDER -o seg.dcm -m model.onnx",
    "nnunet predict -i ct.nii.gz --converted-from CT_SERIES_FOLDER -o seg.dcm -m model.onnx",
    "nnunet predict -i nnUNet_raw/Dataset004_Hippocampus/imagesTs -o out -d 4 -c 3d_fullres -f 0 1 2",
  );
}

/** "using folds 0, 1 of 3d_fullres" */
function foldsUsed({ members }: LoadedPredictor): string {
  const named = (models: readonly Model[]) => {
    const folds = models.flatMap(({ metadata }) => metadata.folds);
    const configurations = new Set(models.map(({ metadata }) => metadata.configuration));
    return `${folds.length === 1 ? "fold" : "folds"} ${folds.join(", ")} of ${[...configurations].join(", ")}`;
  };
  const used = members.map(({ models, previous }) =>
    previous ? `${named(models)} after ${named(previous)}` : named(models),
  );
  return `using ${used.join(" and ")}`;
}

async function chosenModels(flags: Flags, pipeline: Pipeline): Promise<string | string[]> {
  const { model, dataset, configurations: configuration } = flags;
  if (model && dataset !== undefined) throw new InvalidArgumentError("--model", "-m or -d, not both", model);
  if (model) return model;
  if (dataset === undefined) throw new InvalidArgumentError("--model", "-m MODEL, or -d DATASET with -c CONFIG", model);
  const opened = await openNamedDataset(pipeline, dataset);
  if (configuration === undefined) return pipeline.predictorFolder(opened, flags.plans);
  return pipeline.modelFolder(opened, configuration, flags.plans);
}
