import { InvalidArgumentError, ShapeMismatchError, type TrainingBatch, UnsupportedError } from "@nnunet/core";
import { switchOffTelemetry } from "@nnunet/core/node";
import { checkWeights, type NetworkGraph, type Weights, type WeightTensor } from "@nnunet/unet-model";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type {
  CompileOptions,
  Device,
  EvaluationResult,
  StepResult,
  TrainingEngine,
  TrainingSession,
} from "../engine.ts";
import { type ChosenLowering, chooseLowering } from "./choose-lowering.ts";
import { type ParameterLayout, parameterLayout } from "./forward.ts";
import { evaluationModel, gradientModel, targetChannels, trainedPart, trainingStepModel } from "./step-graph.ts";

type Ort = typeof import("onnxruntime-node");

/**
 * Trains on onnxruntime: forward pass, its derivative and the optimiser step are one ONNX graph, run once per step.
 *
 * @see docs/decisions/0002-training-on-onnxruntime.md
 */
export const ortEngine: TrainingEngine = {
  name: "ort",
  async compile(graph, weights, options) {
    checkOptions(graph, options);
    checkWeights(graph, weights, "initial weights");
    switchOffTelemetry();
    const ort = await import("onnxruntime-node");
    return OrtTrainingSession.create(ort, graph, weights, options, await chooseLowering(ort, options.device));
  },
};

class OrtTrainingSession implements TrainingSession {
  readonly #ort: Ort;
  /** Of the trained parameters. */
  readonly #graph: NetworkGraph;
  readonly #layout: ParameterLayout;
  readonly #options: CompileOptions;
  readonly #lowering: ChosenLowering;
  /** Parameters of heads that the loss leaves out; they stay as they were. */
  readonly #untrained: ReadonlyMap<string, WeightTensor>;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  #weights: Float32Array;
  #momentum: Float32Array;
  /** Where the next step writes; swapped with the current ones after it. */
  #nextWeights: Float32Array;
  #nextMomentum: Float32Array;

  private constructor(
    ort: Ort,
    graph: NetworkGraph,
    weights: Weights,
    options: CompileOptions,
    lowering: ChosenLowering,
  ) {
    this.#lowering = lowering;
    this.#ort = ort;
    this.#graph = trainedPart(graph, options.outputWeights);
    this.#layout = parameterLayout(this.#graph);
    this.#options = options;
    this.#untrained = new Map([...weights].filter(([name]) => !this.#layout.offsets.has(name)));
    const { total } = this.#layout;
    this.#weights = pack(this.#layout, weights);
    this.#momentum = new Float32Array(total);
    this.#nextWeights = new Float32Array(total);
    this.#nextMomentum = new Float32Array(total);
  }

  static async create(
    ort: Ort,
    graph: NetworkGraph,
    weights: Weights,
    options: CompileOptions,
    lowering: ChosenLowering,
  ): Promise<OrtTrainingSession> {
    const session = new OrtTrainingSession(ort, graph, weights, options, lowering);
    await session.#session("step"); // fails here, not at the first step, if the provider is missing
    return session;
  }

  get description(): string {
    return `ort on ${this.#options.device}, convolutions ${this.#lowering.name}`;
  }

  async step(batch: TrainingBatch, learningRate: number): Promise<StepResult> {
    const session = await this.#session("step");
    const { total } = this.#layout;
    const results = await session.run(
      {
        ...this.#feeds(batch),
        momentum: this.#tensor(this.#momentum, [total]),
        rate: this.#tensor(Float32Array.of(learningRate), []),
      },
      {
        loss: null,
        gradientNorm: null,
        newWeights: this.#tensor(this.#nextWeights, [total]),
        newMomentum: this.#tensor(this.#nextMomentum, [total]),
      },
    );
    [this.#weights, this.#nextWeights] = [this.#nextWeights, this.#weights];
    [this.#momentum, this.#nextMomentum] = [this.#nextMomentum, this.#momentum];
    return { loss: scalar(results["loss"]!), gradientNorm: scalar(results["gradientNorm"]!) };
  }

  async evaluate(batch: TrainingBatch): Promise<EvaluationResult> {
    const results = await (await this.#session("evaluate")).run(this.#feeds(batch));
    const counts = (name: string) => Float64Array.from(results[name]!.data as Float32Array);
    return {
      loss: scalar(results["loss"]!),
      truePositives: counts("tp"),
      falsePositives: counts("fp"),
      falseNegatives: counts("fn"),
    };
  }

  async gradients(batch: TrainingBatch): Promise<{ loss: number; gradients: Weights }> {
    const results = await (await this.#session("gradients")).run(this.#feeds(batch));
    return {
      loss: scalar(results["loss"]!),
      gradients: unpack(this.#layout, results["gradient"]!.data as Float32Array),
    };
  }

  async weights(): Promise<Weights> {
    return new Map([...unpack(this.#layout, this.#weights), ...this.#untrained]);
  }

  async momentum(): Promise<Weights> {
    return unpack(this.#layout, this.#momentum);
  }

  async setState(weights: Weights, momentum?: Weights): Promise<void> {
    checkWeights(this.#graph, new Map([...weights].filter(([name]) => this.#layout.offsets.has(name))), "weights");
    this.#weights = pack(this.#layout, weights);
    if (momentum) {
      checkWeights(this.#graph, momentum, "momentum");
      this.#momentum = pack(this.#layout, momentum);
    } else this.#momentum.fill(0);
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }

  #session(kind: "step" | "evaluate" | "gradients"): Promise<InferenceSession> {
    let session = this.#sessions.get(kind);
    if (!session) {
      const build = { step: trainingStepModel, evaluate: evaluationModel, gradients: gradientModel }[kind];
      const model = build(this.#graph, this.#options, this.#lowering.lowering);
      session = createSession(this.#ort, model, this.#options);
      this.#sessions.set(kind, session);
    }
    return session;
  }

  #feeds(batch: TrainingBatch): Record<string, OrtTensor> {
    const { batchSize, outputWeights } = this.#options;
    const expected = [batchSize, this.#graph.input.channels, ...this.#graph.input.spatial];
    if (!sameShape(batch.shape, expected)) throw new ShapeMismatchError("batch.data", expected, batch.shape);
    const feeds: Record<string, OrtTensor> = {
      data: this.#tensor(batch.data, expected),
      weights: this.#tensor(this.#weights, [this.#layout.total]),
    };
    const channels = targetChannels(this.#graph.outputs[0]!.channels, this.#options);
    const used = outputWeights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
    for (const [i, output] of this.#graph.outputs.entries()) {
      const target = batch.targets[used[i]!];
      const shape = [batchSize, channels, ...output.spatial];
      if (!target || !sameShape(target.shape, shape)) {
        throw new ShapeMismatchError(`batch.targets[${used[i]}]`, shape, target?.shape ?? []);
      }
      feeds[`target.${i}`] = new this.#ort.Tensor("int32", target.data, shape);
    }
    return feeds;
  }

  #tensor(data: Float32Array, shape: readonly number[]): OrtTensor {
    return new this.#ort.Tensor("float32", data, shape);
  }
}

async function createSession(ort: Ort, model: Uint8Array, options: CompileOptions): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: providers[options.device],
      // The pattern would keep one step's buffers for good: 1.8 times the peak (design/training-engine.md). The arena
      // stays on: it costs no memory and saves the page faults of fresh buffers, 0.2–0.5 s of kernel time a step.
      enableMemPattern: false,
      // Waiting threads must not spin: the cores are shared with the workers that make batches.
      extra: { session: { intra_op: { allow_spinning: "0" } } },
      logSeverityLevel: 3,
      ...(options.threads === undefined ? {} : { intraOpNumThreads: options.threads }),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const install =
      options.device === "cuda"
        ? "; install onnxruntime's CUDA files (Linux, CUDA 12, cuDNN 9): ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js"
        : "";
    throw new UnsupportedError(
      `training on device "${options.device}" with engine "ort"`,
      `onnxruntime says: ${reason}${install}`,
    );
  }
}

const providers: Record<Device, string[]> = { cpu: ["cpu"], webgpu: ["webgpu"], cuda: ["cuda"] };

function checkOptions(graph: NetworkGraph, options: CompileOptions): void {
  if (!(Number.isInteger(options.batchSize) && options.batchSize > 0)) {
    throw new InvalidArgumentError("batchSize", "a positive integer", options.batchSize);
  }
  if (options.outputWeights.length !== graph.outputs.length || !(options.outputWeights[0]! > 0)) {
    throw new InvalidArgumentError(
      "outputWeights",
      `${graph.outputs.length} numbers, the first above 0`,
      options.outputWeights,
    );
  }
  if (!(options.device in providers))
    throw new InvalidArgumentError("device", Object.keys(providers).join(", "), options.device);
}

function pack(layout: ParameterLayout, weights: Weights): Float32Array {
  const flat = new Float32Array(layout.total);
  for (const [name, { offset }] of layout.offsets) flat.set(weights.get(name)!.data, offset);
  return flat;
}

function unpack(layout: ParameterLayout, flat: Float32Array): Map<string, WeightTensor> {
  return new Map(
    [...layout.offsets].map(([name, { offset, length, shape }]) => [
      name,
      { data: flat.slice(offset, offset + length), shape },
    ]),
  );
}

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((n, i) => n === b[i]);
const scalar = (tensor: OrtTensor) => Number((tensor.data as Float32Array)[0]);
