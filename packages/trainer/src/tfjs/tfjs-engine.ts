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
import { parameterLayout, runningShare, statisticsLayout } from "../parameter-layout.ts";
import { trainedPart, untrainedWeights } from "../trained-part.ts";
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
  /** Of the running averages of batch norms; undefined in a network without. */
  readonly #averages: WeightLayout | undefined;
  /** Biases without a gradient: a batch norm's average has them in it, an instance norm has not. */
  readonly #cancelled: { readonly added: ReadonlySet<string>; readonly leftOut: ReadonlySet<string> };
  readonly #options: CompileOptions;
  /** Parameters of heads that the loss leaves out; they stay as they were. */
  readonly #untrained: Map<string, WeightTensor>;
  #steps = 0;
  #weights: Tensor;
  #statistics: Tensor | undefined;
  #kept: Readonly<Record<string, Tensor>>;

  constructor(tf: Tf, description: string, graph: NetworkGraph, weights: Weights, options: CompileOptions) {
    this.description = `tfjs on ${description}`;
    this.#tf = tf;
    this.#tape = new TensorTape(tf);
    this.#graph = trainedPart(graph, options.outputWeights);
    this.#layout = weightLayout(tf, this.#graph, parameterLayout(this.#graph));
    const averages = statisticsLayout(this.#graph);
    this.#averages = averages.total === 0 ? undefined : weightLayout(tf, this.#graph, averages);
    this.#cancelled = {
      added: cancelledBiases(this.#graph, "batchNorm"),
      leftOut: cancelledBiases(this.#graph, "instanceNorm"),
    };
    this.#options = options;
    this.#untrained = untrainedWeights(this.#graph, weights);
    this.#weights = this.#layout.pack(weights);
    this.#statistics = this.#averages?.pack(weights);
    this.#kept = this.#startOptimiser();
  }

  async step(batch: TrainingBatch, learningRate: number): Promise<StepResult> {
    await turnOfOthers();
    const tf = this.#tf;
    const tape = this.#tape;
    const { optimiser } = this.#options;
    const numbers = Object.entries(optimiser.coefficients(learningRate, this.#steps + 1));
    const { loss, norm, next } = this.#tidySeeing((seen) => {
      const { loss: value, gradient: raw } = this.#lossAndGradient(batch, seen);
      const { gradient, norm: length } = clipGradient(tape, raw, optimiser.clipNorm);
      const coefficients = Object.fromEntries(numbers.map(([name, n]) => [name, tf.scalar(n)]));
      const given = { weights: this.#weights, gradient, kept: this.#kept, coefficients };
      const { weights, kept } = optimiser.step(tape, given);
      return { loss: value, norm: length, next: { weights, statistics: this.#averaged(seen), kept: { ...kept } } };
    });
    this.#replace(next.weights, next.statistics, next.kept);
    this.#steps++;
    return { loss: await this.#take(loss), gradientNorm: await this.#take(norm) };
  }

  async evaluate(batch: TrainingBatch): Promise<EvaluationResult> {
    await turnOfOthers();
    const { loss, ...counts } = this.#tf.tidy(() => {
      const { logits, targets, loss: value } = this.#lossOf(batch, this.#parameters());
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
    const { loss, gradient } = this.#tidySeeing((seen) => this.#lossAndGradient(batch, seen));
    const gradients = await this.#layout.unpack(gradient);
    gradient.dispose();
    return { loss: await this.#take(loss), gradients };
  }

  async weights(): Promise<Weights> {
    const trained = await this.#layout.unpack(this.#weights);
    const averages = this.#statistics ? await this.#averages!.unpack(this.#statistics) : [];
    return new Map([...trained, ...averages, ...this.#untrained]);
  }

  async optimiserState(): Promise<OptimiserState> {
    const kept: Record<string, Weights> = {};
    for (const [name, vector] of Object.entries(this.#kept)) kept[name] = await this.#layout.unpack(vector);
    return { steps: this.#steps, kept };
  }

  async setState(weights: Weights, optimiser?: OptimiserState): Promise<void> {
    checkState(this.#graph, weights, this.#options.optimiser.keeps, optimiser);
    for (const [name, tensor] of untrainedWeights(this.#graph, weights)) this.#untrained.set(name, tensor);
    this.#steps = optimiser?.steps ?? 0;
    this.#replace(this.#layout.pack(weights), this.#averages?.pack(weights), this.#startOptimiser(optimiser));
  }

  async dispose(): Promise<void> {
    this.#tf.dispose(this.#held());
  }

  #held(): Tensor[] {
    return [this.#weights, ...(this.#statistics ? [this.#statistics] : []), ...Object.values(this.#kept)];
  }

  #startOptimiser(from?: OptimiserState): Record<string, Tensor> {
    const start = (name: string) => (from ? this.#layout.pack(from.kept[name]!) : this.#tf.zeros([this.#layout.total]));
    return Object.fromEntries(this.#options.optimiser.keeps.map((name) => [name, start(name)]));
  }

  #replace(weights: Tensor, statistics: Tensor | undefined, kept: Readonly<Record<string, Tensor>>): void {
    this.#tf.dispose(this.#held());
    this.#weights = weights;
    this.#statistics = statistics;
    this.#kept = kept;
  }

  /** A tidy whose work keeps what batch norms see, which is freed whatever becomes of it. */
  #tidySeeing<T extends Record<string, unknown>>(work: (seen: Map<string, Tensor>) => T): T {
    const seen = new Map<string, Tensor>();
    try {
      return this.#tf.tidy(() => work(seen) as never) as T;
    } finally {
      this.#tf.dispose([...seen.values()]);
    }
  }

  /** Running averages after a batch. */
  #averaged(seen: ReadonlyMap<string, Tensor>): Tensor | undefined {
    if (!this.#statistics) return undefined;
    const now = this.#averages!.join(seen);
    return this.#tf.add(this.#tf.mul(this.#statistics, 1 - runningShare), this.#tf.mul(now, runningShare));
  }

  #parameters(): Map<string, Tensor> {
    const averages = this.#statistics ? this.#averages!.cut(this.#statistics) : [];
    return new Map([...this.#layout.cut(this.#weights), ...averages]);
  }

  #lossAndGradient(batch: TrainingBatch, seen: Map<string, Tensor>): { loss: Tensor; gradient: Tensor } {
    const { added, leftOut } = this.#cancelled;
    const parameters = this.#layout.cut(this.#weights);
    const names = [...parameters.keys()].filter((name) => !added.has(name) && !leftOut.has(name));
    const constants = [...added].map((name) => [name, parameters.get(name)!] as const);
    const lossOf = this.#tf.valueAndGrads((...values: Tensor[]) => {
      const current = new Map([...constants, ...names.map((name, i) => [name, values[i]!] as const)]);
      return this.#lossOf(batch, current, seen).loss;
    });
    const { value, grads } = lossOf(names.map((name) => parameters.get(name)!));
    return { loss: value, gradient: this.#layout.join(new Map(names.map((name, i) => [name, grads[i]!]))) };
  }

  #lossOf(batch: TrainingBatch, parameters: ReadonlyMap<string, Tensor>, seen?: Map<string, Tensor>) {
    const tf = this.#tf;
    const { data, shape, targets: given } = checkBatch(this.#graph, this.#options, batch);
    const input = channelsLast(tf, tf.tensor(data, [...shape], "float32"));
    const targets = given.map((target) => tf.tensor(target.data, [...target.shape], "int32"));
    const logits = forward(tf, this.#graph, parameters, input, seen);
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
