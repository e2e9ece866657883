import { elementCount, InvalidArgumentError, ShapeMismatchError, type TrainingBatch } from "@nnunet/core";
import { checkWeights, type NetworkGraph, type Weights } from "@nnunet/unet-model";
import type { CompileOptions, OptimiserState } from "./engine.ts";

/** What every engine asks of its options. @throws {InvalidArgumentError} */
export function checkOptions(graph: NetworkGraph, { batchSize, outputWeights }: CompileOptions): void {
  if (!(Number.isInteger(batchSize) && batchSize > 0)) {
    throw new InvalidArgumentError("batchSize", "a positive integer", batchSize);
  }
  if (outputWeights.length !== graph.outputs.length || !(outputWeights[0]! > 0)) {
    throw new InvalidArgumentError(
      "outputWeights",
      `${graph.outputs.length} numbers, the first above 0`,
      outputWeights,
    );
  }
}

/** A batch in the shapes that a network was compiled for. */
export interface CheckedBatch {
  readonly data: Float32Array;
  /** [n, channel, (z,) y, x] */
  readonly shape: readonly number[];
  /** One per head that the loss sees. */
  readonly targets: readonly { readonly data: Int32Array; readonly shape: readonly number[] }[];
}

/**
 * @param graph - the trained part: only heads that the loss sees
 * @throws {ShapeMismatchError} if a shape is not the one compiled for
 * @throws {InvalidArgumentError} if a target holds something that the network has no output for: a loss would take it for none of its
 *   classes, and go on
 */
export function checkBatch(graph: NetworkGraph, options: CompileOptions, batch: TrainingBatch): CheckedBatch {
  if (typeof batch !== "object" || batch === null || !(batch.data instanceof Float32Array)) {
    throw new InvalidArgumentError("batch", "data (float32), shape, targets (int32) and caseIds", batch);
  }
  const { batchSize, outputWeights } = options;
  const shape = [batchSize, graph.input.channels, ...graph.input.spatial];
  if (!sameShape(batch.shape, shape)) throw new ShapeMismatchError("batch.data", shape, batch.shape);
  checkLength("batch.data", batch.data, shape);
  const channels = targetChannels(graph.outputs[0]!.channels, options);
  const used = outputWeights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
  const targets = graph.outputs.map((output, i) => {
    const target = batch.targets[used[i]!];
    const expected = [batchSize, channels, ...output.spatial];
    if (!target || !sameShape(target.shape, expected)) {
      throw new ShapeMismatchError(`batch.targets[${used[i]}]`, expected, target?.shape ?? []);
    }
    checkLength(`batch.targets[${used[i]}].data`, target.data, expected);
    refuseUnknownLabels(target.data, `batch.targets[${used[i]}]`, output.channels, options);
    return { data: target.data, shape: expected };
  });
  return { data: batch.data, shape, targets };
}

function checkLength(argument: string, { length }: { readonly length: number }, shape: readonly number[]): void {
  const promised = elementCount(shape);
  if (length === promised) return;
  throw new InvalidArgumentError(argument, `${promised} values, as its shape [${shape.join()}] promises`, length);
}

function refuseUnknownLabels(
  labels: Int32Array,
  argument: string,
  outputChannels: number,
  { regions, ignoreLabel }: Pick<CompileOptions, "regions" | "ignoreLabel">,
): void {
  const last = regions ? 1 : outputChannels - 1;
  let odd: number | undefined;
  for (const label of labels) if ((label < 0 || label > last) && label !== ignoreLabel) odd ??= label;
  if (odd === undefined) return;
  const ignored = ignoreLabel === undefined ? "" : `, or ${ignoreLabel}, which is ignored`;
  const of = regions ? "0 or 1 per region" : `labels from 0 to ${last}`;
  throw new InvalidArgumentError(
    argument,
    `${of}${ignored} (look at what a sampler or augmentation of your own writes)`,
    odd,
  );
}

/** Labels travel as one channel of ids, regions as one channel each. */
export function targetChannels(outputChannels: number, options: Pick<CompileOptions, "regions">): number {
  return options.regions ? outputChannels : 1;
}

/**
 * @param graph - the trained part; `weights` may hold those of other heads, too
 * @throws {InvalidArtifactError | ShapeMismatchError} if weights or a vector of the optimiser do not fit
 */
export function checkState(
  graph: NetworkGraph,
  weights: Weights,
  keeps: readonly string[],
  optimiser: OptimiserState | undefined,
): void {
  const trained = new Set(graph.parameters.map((p) => p.name));
  checkWeights(graph, new Map([...weights].filter(([name]) => trained.has(name))), "weights");
  if (!optimiser) return;
  const ofOptimiser = { ...graph, parameters: graph.parameters.filter((p) => p.trained !== false) };
  for (const name of keeps) checkWeights(ofOptimiser, optimiser.kept[name] ?? new Map(), name);
}

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((n, i) => n === b[i]);
