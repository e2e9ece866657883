import { OnnxGraph } from "@nnunet/unet-model";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { openSession, type SessionOptions } from "./open-session.ts";
import type { TrainingVector, TrainingVectors } from "./training-vectors.ts";

type Ort = typeof import("onnxruntime-node");

/**
 * Vectors that stay on the device: a step's outputs are `gpu-buffer` tensors, fed back to the next step as they are.
 * What is set from outside travels once, with the step that reads it first.
 *
 * `getData()` of such a tensor ends the whole process (onnxruntime-node 1.30); a graph that does nothing, with its
 * output in the machine's memory, brings it back. Tensors must be disposed of before the session that made them.
 */
export class DeviceVectors implements TrainingVectors {
  readonly onDevice = true;
  readonly #ort: Ort;
  readonly #vectors: readonly TrainingVector[];
  readonly #download: InferenceSession;
  #now: Readonly<Record<string, OrtTensor>>;

  private constructor(ort: Ort, vectors: readonly TrainingVector[], download: InferenceSession) {
    this.#ort = ort;
    this.#vectors = vectors;
    this.#download = download;
    this.#now = {};
  }

  static async create(
    ort: Ort,
    vectors: readonly TrainingVector[],
    values: Readonly<Record<string, Float32Array>>,
    options: SessionOptions,
  ): Promise<DeviceVectors> {
    const made = new DeviceVectors(ort, vectors, await openSession(ort, identityModel(), options));
    made.set(values);
    return made;
  }

  feeds(inputs: readonly string[]): Record<string, OrtTensor> {
    return Object.fromEntries(inputs.map((input) => [input, this.#now[input]!]));
  }

  fetches(): Record<string, null> {
    return Object.fromEntries(this.#vectors.map(({ output }) => [output, null]));
  }

  advance(results: InferenceSession.OnnxValueMapType): void {
    this.#replace(Object.fromEntries(this.#vectors.map(({ input, output }) => [input, results[output] as OrtTensor])));
  }

  discard(results: InferenceSession.OnnxValueMapType): void {
    for (const { output } of this.#vectors) (results[output] as OrtTensor).dispose();
  }

  async read(input: string): Promise<Float32Array> {
    const vector = this.#now[input]!;
    if (vector.location === "cpu") return vector.data as Float32Array;
    const { y } = await this.#download.run({ x: vector });
    return y!.data as Float32Array;
  }

  set(values: Readonly<Record<string, Float32Array>>): void {
    const tensor = (data: Float32Array) => new this.#ort.Tensor("float32", data, [data.length]);
    this.#replace(Object.fromEntries(this.#vectors.map(({ input }) => [input, tensor(values[input]!)])));
  }

  async dispose(): Promise<void> {
    this.#replace({});
    await this.#download.release();
  }

  #replace(next: Readonly<Record<string, OrtTensor>>): void {
    for (const tensor of Object.values(this.#now)) tensor.dispose();
    this.#now = next;
  }
}

/** Whether outputs of this device's sessions can stay on it: one is asked to, and its output looked at. */
export async function keepsOutputs(ort: Ort, options: SessionOptions): Promise<boolean> {
  const session = await openSession(ort, identityModel(), options, { onDevice: ["y"] });
  try {
    const { y } = await session.run({ x: new ort.Tensor("float32", new Float32Array(1), [1]) });
    const keeps = y!.location === "gpu-buffer";
    y!.dispose();
    return keeps;
  } finally {
    await session.release();
  }
}

function identityModel(): Uint8Array {
  const onnx = new OnnxGraph("identity");
  onnx.node("Identity", [onnx.input("x", "float32", ["n"])], {}, "y");
  onnx.output("y", "float32", ["n"]);
  return onnx.encode();
}
