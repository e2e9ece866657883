import { InvalidArgumentError, type TrainingBatch } from "@nnunet/core";
import { checkWeights, type NetworkGraph, type Weights, type WeightTensor } from "@nnunet/unet-model";
import type { Tensor } from "@tensorflow/tfjs-core";
import { checkBatch, checkOptions, checkState } from "../check-batch.ts";
import type {
  CompileOptions,
  EvaluationResult,
  OptimiserState,
  StepResult,
  TrainingEngine,
  TrainingSession,
} from "../engine.ts";
import { confusionCounts } from "../losses/confusion-counts.ts";
import { deepSupervisionLoss } from "../losses/deep-supervision.ts";
import { clipGradient } from "../optimisers/optimiser.ts";
import { trainedPart } from "../trained-part.ts";
import { cancelledBiases, channelsLast, forward } from "./forward.ts";
import type { LoadedTfjs } from "./loaded-tfjs.ts";
import { loadTfjs, seesGpu } from "./load-tfjs.ts";
import { TensorTape, type Tf } from "./tensor-tape.ts";
import { type WeightLayout, weightLayout } from "./weight-layout.ts";

/**
 * An engine on TensorFlow.js: the network graph walked with its operations, gradients by its automatic
 * differentiation. Which package and backend compute is the choice of `load`, which runs when a training begins.
 *
 * @example
 * const engine = createTfjsEngine(async () => {
 *   const tf = await import("@tensorflow/tfjs-core");
 *   await import("@tensorflow/tfjs-backend-cpu");
 *   await tf.setBackend("cpu");
 *   return { tf, description: "tfjs's plain JavaScript" };
 * });
 */
export function createTfjsEngine(load: (options: CompileOptions) => LoadedTfjs | Promise<LoadedTfjs>): TrainingEngine {
  return {
    name: "tfjs",
    async compile(graph, weights, options) {
      checkOptions(graph, options);
      checkWeights(graph, weights, "initial weights");
      const { tf, description } = await load(options);
      return new TfjsTrainingSession(tf as Tf, description, graph, weights, options);
    },
  };
}

/**
 * Trains on TensorFlow, by `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`, whichever is installed.
 *
 * @see docs/decisions/0025-training-on-tensorflow.md
 */
export const tfjsEngine: TrainingEngine = {
  ...createTfjsEngine((options) => loadTfjs(options)),
  lookForGpu: async () => seesGpu(),
};

class TfjsTrainingSession implements TrainingSession {
  readonly description: string;
  readonly #tf: Tf;
  readonly #tape: TensorTape;
  /** The trained part. */
  readonly #graph: NetworkGraph;
  readonly #layout: WeightLayout;
  readonly #cancelled: ReadonlySet<string>;
  readonly #options: CompileOptions;
  /** Parameters of heads that the loss leaves out; they stay as they were. */
  readonly #untrained: Map<string, WeightTensor>;
  #steps = 0;
  #weights: Tensor;
  #kept: Readonly<Record<string, Tensor>>;

  constructor(tf: Tf, description: string, graph: NetworkGraph, weights: Weights, options: CompileOptions) {
    this.description = `tfjs on ${description}`;
    this.#tf = tf;
    this.#tape = new TensorTape(tf);
    this.#graph = trainedPart(graph, options.outputWeights);
    this.#layout = weightLayout(tf, this.#graph);
    this.#cancelled = cancelledBiases(this.#graph);
    this.#options = options;
    this.#untrained = this.#othersOf(weights);
    this.#weights = this.#layout.pack(weights);
    this.#kept = this.#startOptimiser();
  }

  async step(batch: TrainingBatch, learningRate: number): Promise<StepResult> {
    await turnOfOthers();
    const tf = this.#tf;
    const tape = this.#tape;
    const { optimiser } = this.#options;
    const numbers = Object.entries(optimiser.coefficients(learningRate, this.#steps + 1));
    const { loss, norm, next } = tf.tidy(() => {
      const { loss: value, gradient: raw } = this.#lossAndGradient(batch);
      const { gradient, norm: length } = clipGradient(tape, raw, optimiser.clipNorm);
      const coefficients = Object.fromEntries(numbers.map(([name, n]) => [name, tf.scalar(n)]));
      const given = { weights: this.#weights, gradient, kept: this.#kept, coefficients };
      const { weights, kept } = optimiser.step(tape, given);
      return { loss: value, norm: length, next: { weights, kept: { ...kept } } };
    });
    this.#replace(next.weights, next.kept);
    this.#steps++;
    return { loss: await this.#take(loss), gradientNorm: await this.#take(norm) };
  }

  async evaluate(batch: TrainingBatch): Promise<EvaluationResult> {
    await turnOfOthers();
    const { loss, ...counts } = this.#tf.tidy(() => {
      const { logits, targets, loss: value } = this.#lossOf(batch, this.#layout.cut(this.#weights));
      return { loss: value, ...confusionCounts(this.#tape, logits[0]!, targets[0]!, this.#options) };
    });
    // with labels, channel 0 is the background
    const first = this.#options.regions ? 0 : 1;
    const perClass = async (count: Tensor) => Float64Array.from((await this.#read(count)).subarray(first));
    return {
      loss: await this.#take(loss),
      truePositives: await perClass(counts.truePositives),
      falsePositives: await perClass(counts.falsePositives),
      falseNegatives: await perClass(counts.falseNegatives),
    };
  }

  async gradients(batch: TrainingBatch): Promise<{ loss: number; gradients: Weights }> {
    const { loss, gradient } = this.#tf.tidy(() => this.#lossAndGradient(batch));
    const gradients = await this.#layout.unpack(gradient);
    gradient.dispose();
    return { loss: await this.#take(loss), gradients };
  }

  async weights(): Promise<Weights> {
    return new Map([...(await this.#layout.unpack(this.#weights)), ...this.#untrained]);
  }

  async optimiserState(): Promise<OptimiserState> {
    const kept: Record<string, Weights> = {};
    for (const [name, vector] of Object.entries(this.#kept)) kept[name] = await this.#layout.unpack(vector);
    return { steps: this.#steps, kept };
  }

  async setState(weights: Weights, optimiser?: OptimiserState): Promise<void> {
    checkState(this.#graph, weights, this.#options.optimiser.keeps, optimiser);
    for (const [name, tensor] of this.#othersOf(weights)) this.#untrained.set(name, tensor);
    this.#steps = optimiser?.steps ?? 0;
    this.#replace(this.#layout.pack(weights), this.#startOptimiser(optimiser));
  }

  async dispose(): Promise<void> {
    this.#tf.dispose([this.#weights, ...Object.values(this.#kept)]);
  }

  #startOptimiser(from?: OptimiserState): Record<string, Tensor> {
    const start = (name: string) => (from ? this.#layout.pack(from.kept[name]!) : this.#tf.zeros([this.#layout.total]));
    return Object.fromEntries(this.#options.optimiser.keeps.map((name) => [name, start(name)]));
  }

  #replace(weights: Tensor, kept: Readonly<Record<string, Tensor>>): void {
    this.#tf.dispose([this.#weights, ...Object.values(this.#kept)]);
    this.#weights = weights;
    this.#kept = kept;
  }

  #othersOf(weights: Weights): Map<string, WeightTensor> {
    const trained = new Set(this.#graph.parameters.map((p) => p.name));
    return new Map([...weights].filter(([name]) => !trained.has(name)));
  }

  #lossAndGradient(batch: TrainingBatch): { loss: Tensor; gradient: Tensor } {
    const parameters = this.#layout.cut(this.#weights);
    const names = [...parameters.keys()].filter((name) => !this.#cancelled.has(name));
    const lossOf = this.#tf.valueAndGrads((...values: Tensor[]) => {
      const current = new Map(names.map((name, i) => [name, values[i]!]));
      return this.#lossOf(batch, current).loss;
    });
    const { value, grads } = lossOf(names.map((name) => parameters.get(name)!));
    return { loss: value, gradient: this.#layout.join(new Map(names.map((name, i) => [name, grads[i]!]))) };
  }

  #lossOf(batch: TrainingBatch, parameters: ReadonlyMap<string, Tensor>) {
    const tf = this.#tf;
    const { data, shape, targets: given } = checkBatch(this.#graph, this.#options, batch);
    const input = channelsLast(tf, tf.tensor(data, [...shape], "float32"));
    const targets = given.map((target) => tf.tensor(target.data, [...target.shape], "int32"));
    const logits = forward(tf, this.#graph, parameters, input);
    const outputWeights = this.#options.outputWeights.filter((w) => w !== 0);
    const loss = deepSupervisionLoss(this.#tape, this.#options.loss, logits, targets, outputWeights);
    if (loss.rank !== 0) throw new InvalidArgumentError("loss", "a scalar", loss.shape);
    return { logits, targets, loss };
  }

  async #read(tensor: Tensor): Promise<Float32Array> {
    const values = (await tensor.data()) as Float32Array;
    tensor.dispose();
    return values;
  }

  async #take(scalar: Tensor): Promise<number> {
    return (await this.#read(scalar))[0]!;
  }
}

/** TensorFlow computes on this thread: between two steps, messages of batch workers and signals get theirs. */
function turnOfOthers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
