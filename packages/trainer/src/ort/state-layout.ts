import type { NetworkGraph, Weights, WeightTensor } from "@nnunet/unet-model";
import type { OptimiserState } from "../engine.ts";
import { packParameters, parameterLayout, statisticsLayout, unpackParameters } from "../parameter-layout.ts";
import { stepNames } from "./step-graph.ts";
import type { TrainingVector, TrainingVectors } from "./training-vectors.ts";

/** Which vectors hold the state of a training, and what lies where in them. */
export class StateLayout {
  readonly parameters;
  /** Running averages of batch norms; empty in a network without. */
  readonly averages;
  readonly vectors: readonly TrainingVector[];
  readonly #keeps: readonly string[];

  /** @param keeps - of the optimiser, by name */
  constructor(graph: NetworkGraph, keeps: readonly string[]) {
    this.parameters = parameterLayout(graph);
    this.averages = statisticsLayout(graph);
    this.#keeps = keeps;
    const [length, statistics] = [this.parameters.total, this.averages.total];
    const [weights, averages] = [
      { input: stepNames.weights, output: stepNames.newWeights, length },
      { input: stepNames.statistics, output: stepNames.newStatistics, length: statistics },
    ];
    this.vectors = [
      weights,
      ...(statistics === 0 ? [] : [averages]),
      ...keeps.map((name) => ({ input: stepNames.kept(name), output: stepNames.newKept(name), length })),
    ];
  }

  /** Names of the vectors that the network reads. */
  get ofNetwork(): readonly string[] {
    return this.averages.total === 0 ? [stepNames.weights] : [stepNames.weights, stepNames.statistics];
  }

  /** Names of the vectors that the optimiser alone reads. */
  get ofOptimiser(): readonly string[] {
    return this.#keeps.map(stepNames.kept);
  }

  get bytes(): number {
    return this.vectors.reduce((sum, { length }) => sum + Float32Array.BYTES_PER_ELEMENT * length, 0);
  }

  /** By the names of the vectors; an optimiser that is not given starts with zeros. */
  pack(weights: Weights, optimiser?: OptimiserState): Record<string, Float32Array> {
    const kept = (name: string) =>
      optimiser ? packParameters(this.parameters, optimiser.kept[name]!) : new Float32Array(this.parameters.total);
    return {
      [stepNames.weights]: packParameters(this.parameters, weights),
      [stepNames.statistics]: packParameters(this.averages, weights),
      ...Object.fromEntries(this.#keeps.map((name) => [stepNames.kept(name), kept(name)])),
    };
  }

  /** Trained weights and running averages. */
  async weights(vectors: TrainingVectors): Promise<Map<string, WeightTensor>> {
    const trained = unpackParameters(this.parameters, await vectors.read(stepNames.weights));
    if (this.averages.total === 0) return trained;
    return new Map([...trained, ...unpackParameters(this.averages, await vectors.read(stepNames.statistics))]);
  }

  async kept(vectors: TrainingVectors): Promise<Record<string, Weights>> {
    const kept: Record<string, Weights> = {};
    for (const name of this.#keeps) {
      kept[name] = unpackParameters(this.parameters, await vectors.read(stepNames.kept(name)));
    }
    return kept;
  }
}
