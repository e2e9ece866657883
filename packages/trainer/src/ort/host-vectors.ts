import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { TrainingVector, TrainingVectors } from "./training-vectors.ts";

/**
 * Vectors in the machine's memory, twice: onnxruntime reads the current ones and writes the next ones in place. On a
 * graphics processor they travel there and back at every step.
 */
export class HostVectors implements TrainingVectors {
  readonly onDevice = false;
  readonly #ort: typeof import("onnxruntime-node");
  readonly #vectors: readonly TrainingVector[];
  #now: Readonly<Record<string, Float32Array>>;
  /** Where the next step writes; swapped with the current ones after it. */
  #next: Readonly<Record<string, Float32Array>>;

  constructor(
    ort: typeof import("onnxruntime-node"),
    vectors: readonly TrainingVector[],
    values: Readonly<Record<string, Float32Array>>,
  ) {
    this.#ort = ort;
    this.#vectors = vectors;
    this.#now = values;
    this.#next = Object.fromEntries(vectors.map(({ input, length }) => [input, new Float32Array(length)]));
  }

  feeds(inputs: readonly string[]): Record<string, OrtTensor> {
    return Object.fromEntries(inputs.map((input) => [input, this.#tensor(this.#now[input]!)]));
  }

  fetches(): Record<string, OrtTensor> {
    return Object.fromEntries(this.#vectors.map(({ input, output }) => [output, this.#tensor(this.#next[input]!)]));
  }

  advance(_: InferenceSession.OnnxValueMapType): void {
    [this.#now, this.#next] = [this.#next, this.#now];
  }

  discard(_: InferenceSession.OnnxValueMapType): void {}

  async read(input: string): Promise<Float32Array> {
    return this.#now[input]!;
  }

  set(values: Readonly<Record<string, Float32Array>>): void {
    this.#now = values;
  }

  async dispose(): Promise<void> {}

  #tensor(data: Float32Array): OrtTensor {
    return new this.#ort.Tensor("float32", data, [data.length]);
  }
}
