import { InvalidArtifactError } from "@nnunet/core";
import { readRegularFile, writeFileAtomic } from "@nnunet/core/node";
import {
  type NetworkGraph,
  readSafetensors,
  type Tensor,
  type Weights,
  type WeightTensor,
  writeSafetensors,
} from "@nnunet/unet-model";
import { z } from "zod";
import type { OptimiserState } from "./engine.ts";
import { networkGraph } from "./network-json.ts";
import { trainingSettingsSchema } from "./training-settings.ts";

/** One line of the training's history. */
const epochRecord = z.object({
  epoch: z.number().int().nonnegative(),
  learningRate: z.number(),
  trainLoss: z.number(),
  validationLoss: z.number(),
  /** Per foreground class; null where the class never occurred. */
  pseudoDice: z.array(z.number().nullable()),
  movingPseudoDice: z.number(),
  /** Of the steps with their waiting, and of the validation. */
  seconds: z.number(),
  /** Of the training steps, waiting for batches, the validation with its waiting, and writing the checkpoints. */
  stepSeconds: z.number().optional(),
  waitSeconds: z.number().optional(),
  validationSeconds: z.number().optional(),
  checkpointSeconds: z.number().optional(),
  /** How it was computed: "ort on cpu, convolutions blocked-16". Earlier versions did not write it. */
  engine: z.string().optional(),
});
export type EpochRecord = z.infer<typeof epochRecord>;

/** What must be the same for a training to be continued as if it had never stopped. */
const checkpointSettings = z.object({
  configuration: z.string(),
  fold: z.union([z.number(), z.string()]),
  batchSize: z.number(),
  patchSize: z.array(z.number()),
  ...trainingSettingsSchema.shape,
});
export type CheckpointSettings = z.infer<typeof checkpointSettings>;

/** The file carries a checksum of all its content. */
const CHECKED = "nnunet-ts checkpoint 2";
/** Written by earlier versions, without one. */
const UNCHECKED = "nnunet-ts checkpoint 1";

const state = z.object({
  format: z.enum([CHECKED, UNCHECKED]),
  settings: checkpointSettings,
  /** Of the stages that the weights come from; earlier versions did not write them. */
  stages: z.record(z.string(), z.string()).optional(),
  network: networkGraph.optional(),
  pretrained: z.record(z.string(), z.unknown()).optional(),
  history: z.array(epochRecord),
  /** Of the optimiser; a checkpoint of an earlier version has only whole epochs. */
  steps: z.number().int().nonnegative().optional(),
  /** Of a training with mixed precision. */
  lossScaling: z.object({ scale: z.number().positive(), goodSteps: z.number().int().nonnegative() }).optional(),
});

/** The whole state of a training after its last finished epoch (`history.length` epochs). */
export interface Checkpoint {
  readonly settings: CheckpointSettings;
  /** The stages that the weights come from, by name. */
  readonly stages?: Readonly<Record<string, string>> | undefined;
  /** Where it is not the one that the plan describes. */
  readonly network?: NetworkGraph | undefined;
  /** What it began with, where that were weights of another training. */
  readonly pretrained?: Readonly<Record<string, unknown>> | undefined;
  readonly history: readonly EpochRecord[];
  readonly weights: Weights;
  readonly optimiser: OptimiserState;
}

/** A checkpoint as read. */
export interface StoredCheckpoint extends Checkpoint {
  /** Whether the content was compared with a checksum; earlier versions wrote none. */
  readonly checked: boolean;
}

/**
 * Writes a checkpoint as one safetensors file: weights, what the optimiser keeps, and the history as JSON metadata. The
 * file appears
 * whole or not at all, holds no code, and carries a checksum of all its content.
 *
 * @throws {FileError} if it cannot be written; an older checkpoint of that name is then untouched
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of checkpoint.weights) tensors.set(`weights/${name}`, tensor);
  const { settings, stages, network, pretrained, history, optimiser } = checkpoint;
  for (const [vector, values] of Object.entries(optimiser.kept)) {
    for (const [name, tensor] of values) tensors.set(`${vector}/${name}`, tensor);
  }
  const metadata = {
    nnunet: JSON.stringify({
      format: CHECKED,
      settings,
      stages,
      network,
      pretrained,
      history,
      steps: optimiser.steps,
      lossScaling: optimiser.lossScaling,
    }),
  };
  await writeFileAtomic(path, writeSafetensors(tensors, metadata));
}

/**
 * @throws {FileError} if the file cannot be read
 * @throws {InvalidArtifactError} if it is cut off, damaged (one flipped bit is), or not a checkpoint
 */
export async function readCheckpoint(path: string): Promise<StoredCheckpoint> {
  const { tensors, metadata, checked } = readSafetensors(await readRegularFile(path), path);
  if (metadata["nnunet"] === undefined) {
    throw new InvalidArtifactError(
      path,
      "__metadata__.nnunet",
      "missing: this safetensors file is not a checkpoint of nnunet-ts",
    );
  }
  const parsed = state.safeParse(jsonOrUndefined(metadata["nnunet"]));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new InvalidArtifactError(path, ["__metadata__", "nnunet", ...issue.path].join("."), issue.message);
  }
  if (parsed.data.format === CHECKED && !checked) {
    throw new InvalidArtifactError(
      path,
      "__metadata__.sha256",
      "is missing; the file is damaged, use an older checkpoint",
    );
  }
  const parts = new Map<string, Map<string, WeightTensor>>([["weights", new Map()]]);
  for (const [name, { data, shape }] of tensors) {
    const [, vector, parameter] = /^([a-z]+)\/(.*)$/s.exec(name) ?? [];
    if (vector === undefined || !(data instanceof Float32Array)) continue;
    if (!parts.has(vector)) parts.set(vector, new Map());
    parts.get(vector)!.set(parameter!, { data, shape });
  }
  const { weights, ...kept } = Object.fromEntries(parts);
  const {
    settings,
    stages,
    network,
    pretrained,
    history,
    steps = history.length * settings.iterationsPerEpoch,
    lossScaling,
  } = parsed.data;
  return {
    settings,
    ...(stages && { stages }),
    ...(network && { network }),
    ...(pretrained && { pretrained }),
    history,
    weights: weights!,
    optimiser: { steps, kept, ...(lossScaling && { lossScaling }) },
    checked,
  };
}

/** Damaged JSON becomes undefined, which the schema then refuses by name. */
function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
