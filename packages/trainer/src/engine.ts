import type { TrainingBatch } from "@nnunet/core";
import type { NetworkGraph, Weights } from "@nnunet/unet-model";
import type { LossScaling } from "./loss-scaling.ts";
import type { Loss } from "./losses/loss.ts";
import type { Optimiser } from "./optimisers/optimiser.ts";

/** Where the arithmetic runs. */
export type Device = "cpu" | "webgpu" | "cuda";

export interface CompileOptions {
  readonly batchSize: number;
  readonly loss: Loss;
  /** One weight per head, highest resolution first; see `deepSupervisionWeights`. */
  readonly outputWeights: readonly number[];
  readonly optimiser: Optimiser;
  /** The engine's own choice where it is not given: the CPU for "ort", a GPU where "tfjs" sees one. */
  readonly device?: Device;
  /** The label that counts nowhere in the online evaluation. */
  readonly ignoreLabel?: number;
  /** Region-based training: sigmoid, threshold 0.5. */
  readonly regions?: boolean;
  /** Convolutions and matrix products in float16, with a scaled loss; weights, norms and the loss stay float32. */
  readonly mixedPrecision?: boolean;
  /** Threads of one operator; all cores by default. */
  readonly threads?: number;
}

/** What a training step tells. */
export interface StepResult {
  readonly loss: number;
  /** Global L2 norm of the gradients before clipping. */
  readonly gradientNorm: number;
  /** With mixed precision: the scaled gradients overflowed, nothing was changed, and the next loss is scaled half as much. */
  readonly skipped?: boolean;
  /** Of the next step, with mixed precision. */
  readonly lossScale?: number;
}

/** Sums over one validation batch; Dice of class c over many batches is 2·Σtp / (2·Σtp + Σfp + Σfn). */
export interface EvaluationResult {
  readonly loss: number;
  /** Per foreground class or region. */
  readonly truePositives: Float64Array;
  readonly falsePositives: Float64Array;
  readonly falseNegatives: Float64Array;
}

/** What an optimiser has gathered: a checkpoint keeps it, and any engine goes on from it. */
export interface OptimiserState {
  /** Steps taken so far. */
  readonly steps: number;
  /** By the names of the optimiser's `keeps`: one value per trained weight. */
  readonly kept: Readonly<Record<string, Weights>>;
  /** Of a training with mixed precision. */
  readonly lossScaling?: LossScaling | undefined;
}

/** A network being trained: its weights and the optimiser's state live in here, on the device. */
export interface TrainingSession {
  /** How the engine computes, for the log: "ort on cpu, convolutions blocked-16". */
  readonly description: string;
  /** What the engine cannot do here and what that costs, in words, for the log. */
  readonly caution?: string | undefined;
  step(batch: TrainingBatch, learningRate: number): Promise<StepResult>;
  evaluate(batch: TrainingBatch): Promise<EvaluationResult>;
  /** Gradients of the loss at the current weights, before clipping and weight decay; changes nothing. */
  gradients(batch: TrainingBatch): Promise<{ readonly loss: number; readonly gradients: Weights }>;
  /** Copies of the current weights. */
  weights(): Promise<Weights>;
  /** Copies of what the optimiser keeps of every trained weight. */
  optimiserState(): Promise<OptimiserState>;
  /** The optimiser starts afresh where its state is not given. */
  setState(weights: Weights, optimiser?: OptimiserState): Promise<void>;
  dispose(): Promise<void>;
}

/** Trains a network graph; "ort" runs one ONNX graph per step, "tfjs" walks the graph with TensorFlow.js. */
export interface TrainingEngine {
  readonly name: string;
  /** Whether it knows the option of that name; a training that asks for it is refused otherwise. */
  readonly mixedPrecision?: boolean;
  /** For the choice "auto": whether it is installed here and sees a GPU, and in words why or why not. */
  lookForGpu?(): Promise<{ readonly gpu: boolean; readonly why: string }>;
  compile(graph: NetworkGraph, weights: Weights, options: CompileOptions): Promise<TrainingSession>;
}
