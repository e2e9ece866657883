import { InvalidArgumentError, type TrainingBatch } from "@nnunet/core";
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
import { initialLossScaling, nextLossScaling } from "../loss-scaling.ts";
import { unpackParameters } from "../parameter-layout.ts";
import { trainedPart, untrainedWeights } from "../trained-part.ts";
import { type ChosenLowering, chooseLowering } from "./choose-lowering.ts";
import { holdVectors } from "./hold-vectors.ts";
import { refuseWithoutHalf } from "./half-probe.ts";
import { openSession, providers } from "./open-session.ts";
import { StateLayout } from "./state-layout.ts";
import { evaluationModel, gradientModel, stepNames, trainingStepModel } from "./step-graph.ts";
import type { TrainingVectors } from "./training-vectors.ts";

type Ort = typeof import("onnxruntime-node");

/**
 * Trains on onnxruntime: forward pass, its derivative and the optimiser step are one ONNX graph, run once per step.
 *
 * @see docs/decisions/0002-training-on-onnxruntime.md
 */
export const ortEngine: TrainingEngine = {
  name: "ort",
  mixedPrecision: true,
  async compile(graph, weights, { device = "cpu", ...rest }) {
    const options = { ...rest, device };
    checkOptions(graph, options);
    if (!(device in providers)) throw new InvalidArgumentError("device", Object.keys(providers).join(", "), device);
    checkWeights(graph, weights, "initial weights");
    switchOffTelemetry();
    const ort = await import("onnxruntime-node");
    if (options.mixedPrecision) await refuseWithoutHalf(ort, options);
    const lowering = await chooseLowering(ort, device, options.mixedPrecision);
    return OrtTrainingSession.create(ort, graph, weights, options, lowering);
  },
};

type OrtOptions = CompileOptions & { readonly device: Device };

class OrtTrainingSession implements TrainingSession {
  readonly #ort: Ort;
  /** Of the trained parameters. */
  readonly #graph: NetworkGraph;
  readonly #layout: StateLayout;
  readonly #vectors: TrainingVectors;
  readonly #options: OrtOptions;
  readonly #lowering: ChosenLowering;
  /** Parameters of heads that the loss leaves out; they stay as they were. */
  #untrained: ReadonlyMap<string, WeightTensor>;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  #steps = 0;
  #lossScaling = initialLossScaling;

  private constructor(
    ort: Ort,
    graph: NetworkGraph,
    layout: StateLayout,
    vectors: TrainingVectors,
    untrained: ReadonlyMap<string, WeightTensor>,
    options: OrtOptions,
    lowering: ChosenLowering,
  ) {
    this.#ort = ort;
    this.#graph = graph;
    this.#layout = layout;
    this.#vectors = vectors;
    this.#untrained = untrained;
    this.#options = options;
    this.#lowering = lowering;
  }

  static async create(
    ort: Ort,
    whole: NetworkGraph,
    weights: Weights,
    options: OrtOptions,
    lowering: ChosenLowering,
  ): Promise<OrtTrainingSession> {
    const graph = trainedPart(whole, options.outputWeights);
    const layout = new StateLayout(graph, options.optimiser.keeps);
    const vectors = await holdVectors(ort, options, layout.vectors, layout.pack(weights));
    const untrained = untrainedWeights(graph, weights);
    const session = new OrtTrainingSession(ort, graph, layout, vectors, untrained, options, lowering);
    try {
      await session.#session("step"); // fails here, not at the first step, if the provider is missing
    } catch (error) {
      await vectors.dispose();
      throw error;
    }
    return session;
  }

  get description(): string {
    return `ort on ${this.#options.device}, convolutions ${this.#lowering.name}`;
  }

  get caution(): string | undefined {
    const { device, mixedPrecision } = this.#options;
    if (device === "cpu")
      return mixedPrecision ? "the CPU imitates float16: slower than float32, and no smaller" : undefined;
    if (this.#vectors.onDevice) return undefined;
    const megabytes = (this.#layout.bytes / 1e6).toFixed(1);
    return (
      `weights and what the optimiser keeps (${megabytes} MB) travel to the device and back at every ` +
      `step: onnxruntime for Node.js keeps no outputs on a "${device}" device`
    );
  }

  async step(batch: TrainingBatch, learningRate: number): Promise<StepResult> {
    const session = await this.#session("step");
    const { optimiser } = this.#options;
    const coefficients = Object.entries(optimiser.coefficients(learningRate, this.#steps + 1));
    const results = await session.run(
      {
        ...this.#feeds(batch),
        ...this.#scale(),
        ...this.#vectors.feeds(this.#layout.ofOptimiser),
        ...Object.fromEntries(
          coefficients.map(([name, value]) => [stepNames.coefficient(name), this.#tensor(Float32Array.of(value), [])]),
        ),
      },
      { loss: null, gradientNorm: null, ...this.#vectors.fetches() },
    );
    const [loss, gradientNorm] = [scalar(results["loss"]!), scalar(results["gradientNorm"]!)];
    if (!this.#options.mixedPrecision) return this.#taken(results, { loss, gradientNorm });
    const finite = Number.isFinite(gradientNorm);
    this.#lossScaling = nextLossScaling(this.#lossScaling, finite);
    const told = { loss, gradientNorm, lossScale: this.#lossScaling.scale };
    if (finite) return this.#taken(results, told);
    this.#vectors.discard(results);
    return { ...told, skipped: true };
  }

  #taken(results: InferenceSession.OnnxValueMapType, told: StepResult): StepResult {
    this.#vectors.advance(results);
    this.#steps++;
    return told;
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
    const results = await (await this.#session("gradients")).run({ ...this.#feeds(batch), ...this.#scale() });
    return {
      loss: scalar(results["loss"]!),
      gradients: unpackParameters(this.#layout.parameters, results["gradient"]!.data as Float32Array),
    };
  }

  async weights(): Promise<Weights> {
    return new Map([...(await this.#layout.weights(this.#vectors)), ...this.#untrained]);
  }

  async optimiserState(): Promise<OptimiserState> {
    const scaling = this.#options.mixedPrecision && { lossScaling: this.#lossScaling };
    return { steps: this.#steps, kept: await this.#layout.kept(this.#vectors), ...scaling };
  }

  async setState(weights: Weights, optimiser?: OptimiserState): Promise<void> {
    checkState(this.#graph, weights, this.#options.optimiser.keeps, optimiser);
    this.#untrained = new Map([...this.#untrained, ...untrainedWeights(this.#graph, weights)]);
    this.#steps = optimiser?.steps ?? 0;
    this.#lossScaling = optimiser?.lossScaling ?? initialLossScaling;
    this.#vectors.set(this.#layout.pack(weights, optimiser));
  }

  async dispose(): Promise<void> {
    await this.#vectors.dispose(); // first: tensors on a device must not outlive their session
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }

  #session(kind: "step" | "evaluate" | "gradients"): Promise<InferenceSession> {
    let session = this.#sessions.get(kind);
    if (!session) {
      const build = { step: trainingStepModel, evaluate: evaluationModel, gradients: gradientModel }[kind];
      const model = build(this.#graph, this.#options, this.#lowering.lowering);
      const staying = kind === "step" && this.#vectors.onDevice ? this.#layout.vectors : [];
      const onDevice = staying.map(({ output }) => output);
      session = openSession(this.#ort, model, this.#options, { onDevice });
      this.#sessions.set(kind, session);
    }
    return session;
  }

  #feeds(batch: TrainingBatch): Record<string, OrtTensor> {
    const { data, shape, targets } = checkBatch(this.#graph, this.#options, batch);
    return {
      data: this.#tensor(data, shape),
      ...this.#vectors.feeds(this.#layout.ofNetwork),
      ...Object.fromEntries(
        targets.map((target, i) => [`target.${i}`, new this.#ort.Tensor("int32", target.data, target.shape)]),
      ),
    };
  }

  #scale(): Record<string, OrtTensor> {
    if (!this.#options.mixedPrecision) return {};
    return { [stepNames.lossScale]: this.#tensor(Float32Array.of(this.#lossScaling.scale), []) };
  }

  #tensor(data: Float32Array, shape: readonly number[]): OrtTensor {
    return new this.#ort.Tensor("float32", data, shape);
  }
}

const scalar = (tensor: OrtTensor) => Number((tensor.data as Float32Array)[0]);
