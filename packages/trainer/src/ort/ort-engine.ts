import { InvalidArgumentError, type TrainingBatch, UnsupportedError } from "@nnunet/core";
import { switchOffTelemetry } from "@nnunet/core/node";
import { checkWeights, type NetworkGraph, type Weights, type WeightTensor } from "@nnunet/unet-model";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { checkBatch, checkOptions, checkState } from "../check-batch.ts";
import type {
  CompileOptions,
  Device,
  EvaluationResult,
  OptimiserState,
  StepResult,
  TrainingEngine,
  TrainingSession,
} from "../engine.ts";
import {
  packParameters,
  type ParameterLayout,
  parameterLayout,
  statisticsLayout,
  unpackParameters,
} from "../parameter-layout.ts";
import { trainedPart, untrainedWeights } from "../trained-part.ts";
import { type ChosenLowering, chooseLowering } from "./choose-lowering.ts";
import { evaluationModel, gradientModel, stepNames, trainingStepModel } from "./step-graph.ts";

type Ort = typeof import("onnxruntime-node");

/**
 * Trains on onnxruntime: forward pass, its derivative and the optimiser step are one ONNX graph, run once per step.
 *
 * @see docs/decisions/0002-training-on-onnxruntime.md
 */
export const ortEngine: TrainingEngine = {
  name: "ort",
  async compile(graph, weights, { device = "cpu", ...rest }) {
    const options = { ...rest, device };
    checkOptions(graph, options);
    if (!(device in providers)) throw new InvalidArgumentError("device", Object.keys(providers).join(", "), device);
    checkWeights(graph, weights, "initial weights");
    switchOffTelemetry();
    const ort = await import("onnxruntime-node");
    return OrtTrainingSession.create(ort, graph, weights, options, await chooseLowering(ort, device));
  },
};

type OrtOptions = CompileOptions & { readonly device: Device };

/** Vectors of one value per trained parameter: the weights, and what the optimiser keeps. */
interface Vectors {
  readonly weights: Float32Array;
  /** Running averages of batch norms. */
  readonly statistics: Float32Array;
  readonly kept: Readonly<Record<string, Float32Array>>;
}

class OrtTrainingSession implements TrainingSession {
  readonly #ort: Ort;
  /** Of the trained parameters. */
  readonly #graph: NetworkGraph;
  readonly #layout: ParameterLayout;
  readonly #averages: ParameterLayout;
  readonly #options: OrtOptions;
  readonly #lowering: ChosenLowering;
  /** Parameters of heads that the loss leaves out; they stay as they were. */
  #untrained: ReadonlyMap<string, WeightTensor>;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  #steps = 0;
  #now: Vectors;
  /** Where the next step writes; swapped with the current ones after it. */
  #next: Vectors;

  private constructor(ort: Ort, graph: NetworkGraph, weights: Weights, options: OrtOptions, lowering: ChosenLowering) {
    this.#lowering = lowering;
    this.#ort = ort;
    this.#graph = trainedPart(graph, options.outputWeights);
    this.#layout = parameterLayout(this.#graph);
    this.#averages = statisticsLayout(this.#graph);
    this.#options = options;
    this.#untrained = untrainedWeights(this.#graph, weights);
    this.#now = this.#vectors(weights);
    this.#next = this.#vectors(weights);
  }

  static async create(
    ort: Ort,
    graph: NetworkGraph,
    weights: Weights,
    options: OrtOptions,
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
    const { optimiser } = this.#options;
    const coefficients = Object.entries(optimiser.coefficients(learningRate, this.#steps + 1));
    const results = await session.run(
      {
        ...this.#feeds(batch),
        ...named(optimiser.keeps, stepNames.kept, (name) => this.#vector(this.#now.kept[name]!)),
        ...Object.fromEntries(
          coefficients.map(([name, value]) => [stepNames.coefficient(name), this.#tensor(Float32Array.of(value), [])]),
        ),
      },
      {
        loss: null,
        gradientNorm: null,
        newWeights: this.#vector(this.#next.weights),
        ...this.#statistics("newStatistics", this.#next),
        ...named(optimiser.keeps, stepNames.newKept, (name) => this.#vector(this.#next.kept[name]!)),
      },
    );
    [this.#now, this.#next] = [this.#next, this.#now];
    this.#steps++;
    return { loss: scalar(results["loss"]!), gradientNorm: scalar(results["gradientNorm"]!) };
  }

  async evaluate(batch: TrainingBatch): Promise<EvaluationResult> {
    const results = await (await this.#session("evaluate")).run(this.#feeds(batch));
    // with labels, channel 0 is the background
    const first = this.#options.regions ? 0 : 1;
    const counts = (name: string) => Float64Array.from((results[name]!.data as Float32Array).subarray(first));
    return {
      loss: scalar(results["loss"]!),
      truePositives: counts("truePositives"),
      falsePositives: counts("falsePositives"),
      falseNegatives: counts("falseNegatives"),
    };
  }

  async gradients(batch: TrainingBatch): Promise<{ loss: number; gradients: Weights }> {
    const results = await (await this.#session("gradients")).run(this.#feeds(batch));
    return {
      loss: scalar(results["loss"]!),
      gradients: unpackParameters(this.#layout, results["gradient"]!.data as Float32Array),
    };
  }

  async weights(): Promise<Weights> {
    const trained = unpackParameters(this.#layout, this.#now.weights);
    return new Map([...trained, ...unpackParameters(this.#averages, this.#now.statistics), ...this.#untrained]);
  }

  async optimiserState(): Promise<OptimiserState> {
    const kept = named(
      this.#options.optimiser.keeps,
      (name) => name,
      (name) => unpackParameters(this.#layout, this.#now.kept[name]!),
    );
    return { steps: this.#steps, kept };
  }

  async setState(weights: Weights, optimiser?: OptimiserState): Promise<void> {
    checkState(this.#graph, weights, this.#options.optimiser.keeps, optimiser);
    this.#untrained = new Map([...this.#untrained, ...untrainedWeights(this.#graph, weights)]);
    this.#steps = optimiser?.steps ?? 0;
    this.#now = this.#vectors(weights, optimiser);
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }

  #vectors(weights: Weights, optimiser?: OptimiserState): Vectors {
    const make = (name: string) =>
      optimiser ? packParameters(this.#layout, optimiser.kept[name]!) : new Float32Array(this.#layout.total);
    const [trained, statistics] = [this.#layout, this.#averages].map((layout) => packParameters(layout, weights));
    return {
      weights: trained!,
      statistics: statistics!,
      kept: named(this.#options.optimiser.keeps, (name) => name, make),
    };
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
    const { data, shape, targets } = checkBatch(this.#graph, this.#options, batch);
    return {
      data: this.#tensor(data, shape),
      weights: this.#vector(this.#now.weights),
      ...this.#statistics("statistics", this.#now),
      ...Object.fromEntries(
        targets.map((target, i) => [`target.${i}`, new this.#ort.Tensor("int32", target.data, target.shape)]),
      ),
    };
  }

  /** Nothing, in a network without batch norms. */
  #statistics(name: string, { statistics }: Vectors): Record<string, OrtTensor> {
    return statistics.length === 0 ? {} : { [name]: this.#tensor(statistics, [statistics.length]) };
  }

  #vector(data: Float32Array): OrtTensor {
    return this.#tensor(data, [this.#layout.total]);
  }

  #tensor(data: Float32Array, shape: readonly number[]): OrtTensor {
    return new this.#ort.Tensor("float32", data, shape);
  }
}

async function createSession(ort: Ort, model: Uint8Array, options: OrtOptions): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: providers[options.device],
      // The pattern would keep one step's buffers for good: 1.8 times the peak (design/training-engine.md). The arena
      // stays on: it costs no memory and saves the page faults of fresh buffers, 0.2–0.5 s of kernel time a step.
      enableMemPattern: false,
      // Threads wait for the next operator awake, which comes soon, but not for longer: the cores are shared with the
      // workers that make batches.
      extra: { session: { intra_op: { allow_spinning: "1", spin_duration_us: "100" } } },
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

/** A record whose values, and keys, are made from names. */
function named<T>(
  names: readonly string[],
  key: (name: string) => string,
  make: (name: string) => T,
): Record<string, T> {
  return Object.fromEntries(names.map((name) => [key(name), make(name)]));
}

const scalar = (tensor: OrtTensor) => Number((tensor.data as Float32Array)[0]);
