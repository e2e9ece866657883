import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";

/** A vector that a step makes anew: what the step graph calls it before and after, and its length. */
export interface TrainingVector {
  readonly input: string;
  readonly output: string;
  readonly length: number;
}

/** The weights, the running averages of batch norms and what the optimiser keeps, wherever they lie between steps. */
export interface TrainingVectors {
  /** Whether they stay on the device, so that a step moves its batch alone. */
  readonly onDevice: boolean;
  /** The vectors of these names, to be fed to a graph. */
  feeds(inputs: readonly string[]): Record<string, OrtTensor>;
  /** Where a step puts the new ones: a place, or null where it finds one itself. */
  fetches(): Record<string, OrtTensor | null>;
  /** The step is done: what it made is the state from now on. */
  advance(results: InferenceSession.OnnxValueMapType): void;
  /** The step is not to count: what it made is freed. */
  discard(results: InferenceSession.OnnxValueMapType): void;
  /** The values of one vector, good until the next step; not to be written to. */
  read(input: string): Promise<Float32Array>;
  /** @param values - by the names of the inputs; all of them */
  set(values: Readonly<Record<string, Float32Array>>): void;
  /** To be called while the session that made the vectors is still open. */
  dispose(): Promise<void>;
}
