import { basename } from "node:path";
import type { CaseFiles } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import type { Model } from "@nnunet/inference";
import { readImage, readImageInfo } from "@nnunet/io";
import { hashFiles } from "@nnunet/preprocess";
import type { LoadedPredictor } from "./load-predictor.ts";
import { isSegmentationObject, type V2ProbabilitiesPaths } from "./prediction-output.ts";
import { type Context, identity } from "../stages.ts";
import { changeRecord, contentHash, readRecord } from "../records/made-from.ts";
import { hashCase } from "../workers/case-tasks.ts";

/*
 * What each segmentation of a folder was made from: per case the hash of models, options and image, and of every file
 * that came out. A rerun redoes what would come out otherwise, and what is not whole.
 */

/** Where the record of a folder's predictions lies. */
export interface RecordPlace {
  readonly madeFrom: string;
  /** Its key in that file. */
  readonly name: string;
  /** What the predictions depend on beside models, options and images. */
  readonly also?: unknown;
  /** Files beside the images that a prediction of a case depends on. */
  readonly beside?: ((files: CaseFiles) => readonly string[]) | undefined;
  /** SHA-256 of the images per case id, where the caller knows them already. */
  readonly inputHashes?: ReadonlyMap<string, string>;
}

/** What the outputs of a case are. */
export type CaseState =
  /** All there, as they were written, and from the same. */
  | "done"
  /** Not there, not whole, or from something else that we wrote: to be made. */
  | "to do"
  /** There, and nothing says from what. */
  | "unknown"
  /** Changed since we wrote them, by somebody who may want to keep that. */
  | "edited";

interface Entry {
  readonly inputs: string;
  /** Shortcuts that were taken, which changed voxels; absent where there were none. */
  readonly shortcuts?: { readonly mirroring?: false; readonly step_fraction?: number; readonly body_mask?: true };
  /** SHA-256 per file name; absent while the files are being written. */
  readonly files?: Readonly<Record<string, string>>;
}

/** The files of one predicted case. */
export interface CaseOutputs {
  /** Segmentation, and probabilities where they are asked for as an image. */
  readonly images: readonly [string, ...string[]];
  /** Where probabilities are asked for in nnU-Net v2's form. */
  readonly v2?: V2ProbabilitiesPaths;
  /** These, and the files beside them that they may consist of. */
  readonly files: readonly string[];
}

export interface PredictionRecord {
  /** The hash of all that the outputs of a case are made from. */
  inputsOf(files: CaseFiles): Promise<string>;
  stateOf(files: CaseFiles, outputs: CaseOutputs): Promise<CaseState>;
  /** Before the first file of a case is written. */
  begin(files: CaseFiles, outputs: CaseOutputs): Promise<void>;
  /** After the last one. */
  end(files: CaseFiles, outputs: CaseOutputs): Promise<void>;
  /** Whether the record still says that the case is ours: another process may have made it from something else. */
  isOurs(files: CaseFiles, outputs: CaseOutputs): Promise<boolean>;
}

/**
 * The record of predictions by these models with these options. Who wrote the software, and which version, is no part
 * of it.
 */
export function predictionRecord(
  { madeFrom, name, also, beside, inputHashes }: RecordPlace,
  predictor: LoadedPredictor,
  how: {
    readonly predictor: string;
    readonly mirroring: boolean;
    readonly stepFraction: number;
    readonly bodyMask?: true;
  },
): PredictionRecord {
  const shortcuts = shortcutsOf(how);
  const taken = shortcuts && { shortcuts };
  const recipe = contentHash([whatPredicts(predictor), how, also]);
  const hashed = new Map<string, string>();
  const inputsOf = async (files: CaseFiles) => {
    const { id } = files;
    const images = [...files.images, ...(beside?.(files) ?? [])];
    const known = hashed.get(id) ?? contentHash([recipe, inputHashes?.get(id) ?? (await hashCase({ id, images }))]);
    hashed.set(id, known);
    return known;
  };
  const entries = async () => ((await readRecord(madeFrom))[name] ?? {}) as Readonly<Record<string, Entry | undefined>>;
  const write = ({ images }: CaseOutputs, entry: Entry) =>
    changeRecord(madeFrom, (record) => {
      const before = record[name] as Record<string, Entry> | undefined;
      return { ...record, [name]: { ...before, [basename(images[0])]: entry } };
    });
  return {
    inputsOf,
    async stateOf(files, { images, files: all, v2 }) {
      const present = await hashesOf(all);
      const names = Object.keys(present);
      if (names.length === 0) return "to do";
      const known = await entries();
      const entry = Object.hasOwn(known, basename(images[0])) ? known[basename(images[0])] : undefined;
      if (!entry) return "unknown";
      const { inputs, files: recorded } = entry;
      if (!recorded) return "to do"; // stopped while it was written
      if (names.some((file) => !Object.hasOwn(recorded, file))) return "unknown";
      if (names.some((file) => present[file] !== recorded[file])) {
        // A file that was cut off cannot be read; one that can has been changed on purpose.
        return (await areImages(images.filter((path) => basename(path) in present))) ? "edited" : "to do";
      }
      const wanted = [
        ...images,
        ...Object.values(v2 ?? {}),
        ...all.filter((path) => Object.hasOwn(recorded, basename(path))),
      ];
      const isWhole = wanted.every((path) => basename(path) in present);
      return isWhole && inputs === (await inputsOf(files)) ? "done" : "to do";
    },
    async begin(files, outputs) {
      await write(outputs, { inputs: await inputsOf(files), ...taken });
    },
    async end(files, outputs) {
      await write(outputs, { inputs: await inputsOf(files), ...taken, files: await hashesOf(outputs.files) });
    },
    async isOurs(files, { images }) {
      const known = await entries();
      return (
        Object.hasOwn(known, basename(images[0])) && known[basename(images[0])]!.inputs === (await inputsOf(files))
      );
    },
  };
}

/** What of the settings makes a prediction faster and another one than nnU-Net's. */
function shortcutsOf({
  mirroring,
  stepFraction,
  bodyMask,
}: {
  readonly mirroring: boolean;
  readonly stepFraction: number;
  readonly bodyMask?: true;
}): Entry["shortcuts"] {
  if (mirroring && stepFraction === 0.5 && !bodyMask) return undefined;
  return {
    ...(!mirroring && { mirroring }),
    ...(stepFraction !== 0.5 && { step_fraction: stepFraction }),
    ...(bodyMask && { body_mask: bodyMask }),
  };
}

/** How the pipeline predicts where nothing else is asked for. */
export const usualPrediction = ({ stages }: Context) => ({
  predictor: identity(stages.predictor),
  mirroring: true,
  stepFraction: 0.5,
});

/** Of what decides a predictor's results. */
export function predictorHash(predictor: LoadedPredictor): string {
  return contentHash(whatPredicts(predictor));
}

/** What of a predictor decides its results; of one configuration alone the same as before there were several. */
function whatPredicts({ members, postprocessing }: LoadedPredictor): unknown {
  const made = (models: readonly Model[]) => models.map(({ metadata: { softwareVersion: _, ...rest } }) => rest);
  const [{ models, previous }, ...others] = members;
  if (others.length === 0 && !previous && !postprocessing) return made(models);
  const all = members.map((member) => [made(member.models), made(member.previous ?? [])]);
  const treated = postprocessing && {
    by: identity(postprocessing.postprocessor),
    as: postprocessing.postprocessor.toJson(postprocessing.decided),
  };
  return { members: all, ...(treated && { postprocessing: treated }) };
}

/** SHA-256 per name of those files that are there. */
async function hashesOf(paths: readonly string[]): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const path of paths) if (await exists(path)) hashes[basename(path)] = await hashFiles([path]);
  return hashes;
}

async function areImages(paths: readonly string[]): Promise<boolean> {
  for (const path of paths) {
    // Of a DICOM segmentation the header tells its size; its segments may overlap, which no image can show.
    const isRead = await (isSegmentationObject(path) ? readImageInfo(path) : readImage(path)).then(
      () => true,
      () => false,
    );
    if (!isRead) return false;
  }
  return true;
}
