import type { TrainingBatch } from "@nnunet/core";
import type { NetworkGraph, Weights } from "@nnunet/unet-model";
import type { Loss } from "./losses/loss.ts";
import type { SgdOptions } from "./ort/sgd.ts";

/** Where the arithmetic runs. */
export type Device = "cpu" | "webgpu" | "cuda";

export interface CompileOptions {
  readonly batchSize: number;
  readonly loss: Loss;
  /** One weight per head, highest resolution first; see `deepSupervisionWeights`. */
  readonly outputWeights: readonly number[];
  readonly optimiser: SgdOptions;
  readonly device: Device;
  /** The label that counts nowhere in the online evaluation. */
  readonly ignoreLabel?: number;
  /** Region-based training: sigmoid, threshold 0.5. */
  readonly regions?: boolean;
  /** Threads of one operator; all cores by default. */
  readonly threads?: number;
}

/** What a training step tells. */
export interface StepResult {
  readonly loss: number;
  /** Global L2 norm of the gradients before clipping. */
  readonly gradientNorm: number;
}

/** Sums over one validation batch; Dice of class c over many batches is 2·Σtp / (2·Σtp + Σfp + Σfn). */
export interface EvaluationResult {
  readonly loss: number;
  /** Per foreground class or region. */
  readonly truePositives: Float64Array;
  readonly falsePositives: Float64Array;
  readonly falseNegatives: Float64Array;
}

/** A network being trained: its weights and momentum live in here, on the device. */
export interface TrainingSession {
  /** How the engine computes, for the log: "ort on cpu, convolutions blocked-16". */
  readonly description: string;
  step(batch: TrainingBatch, learningRate: number): Promise<StepResult>;
  evaluate(batch: TrainingBatch): Promise<EvaluationResult>;
  /** Gradients of the loss at the current weights, before clipping and weight decay; changes nothing. */
  gradients(batch: TrainingBatch): Promise<{ readonly loss: number; readonly gradients: Weights }>;
  /** Copies of the current weights. */
  weights(): Promise<Weights>;
  /** Copies of the momentum of every trained weight. */
  momentum(): Promise<Weights>;
  setState(weights: Weights, momentum?: Weights): Promise<void>;
  dispose(): Promise<void>;
}

/** Trains a network graph; "ort" runs one ONNX graph per step, another may walk the graph with another library. */
export interface TrainingEngine {
  readonly name: string;
  compile(graph: NetworkGraph, weights: Weights, options: CompileOptions): Promise<TrainingSession>;
}
