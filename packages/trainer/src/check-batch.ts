import { elementCount, InvalidArgumentError, listed, ShapeMismatchError, type TrainingBatch } from "@nnunet/core";
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
 * @throws {InvalidArgumentError} if something else than a batch is given, or a target holds something that the network has no
 *   output for: a loss would take it for none of its classes, and go on
 */
export function checkBatch(graph: NetworkGraph, options: CompileOptions, batch: TrainingBatch): CheckedBatch {
  if (typeof batch !== "object" || batch === null || !(batch.data instanceof Float32Array)) {
    throw new InvalidArgumentError("batch", "data (float32), shape, targets (int32) and caseIds", batch);
  }
  const { batchSize, outputWeights } = options;
  const { caseIds } = batch;
  const isNamed = Array.isArray(caseIds) && [0, batchSize].includes(caseIds.length); // a bench names none
  if (!(isNamed && caseIds.every((id) => typeof id === "string"))) {
    throw new InvalidArgumentError("batch.caseIds", `the ids of the cases of its ${batchSize} samples`, caseIds);
  }
  const shape = [batchSize, graph.input.channels, ...graph.input.spatial];
  checkArray("batch.data", batch, Float32Array, shape, caseIds);
  if (!Array.isArray(batch.targets)) {
    throw new InvalidArgumentError("batch.targets", "a list of arrays with their shapes", batch.targets);
  }
  const channels = targetChannels(graph.outputs[0]!.channels, options);
  const used = outputWeights.flatMap((weight, i) => (weight === 0 ? [] : [i]));
  const targets = graph.outputs.map((output, i) => {
    const expected = [batchSize, channels, ...output.spatial];
    const argument = `batch.targets[${used[i]}]`;
    const target = batch.targets[used[i]!] ?? { data: undefined as never, shape: [] };
    checkArray(argument, target, Int32Array, expected, caseIds);
    refuseUnknownLabels(target.data, argument, output.channels, caseIds, options);
    return { data: target.data, shape: expected };
  });
  return { data: batch.data, shape, targets };
}

/** Of which cases a batch is, in an error. */
const ofCases = (caseIds: readonly string[]) => (caseIds.length === 0 ? "" : ` of ${listed([...new Set(caseIds)])}`);

function checkArray(
  argument: string,
  { data, shape }: { readonly data: Float32Array | Int32Array; readonly shape: readonly number[] },
  kind: Float32ArrayConstructor | Int32ArrayConstructor,
  expected: readonly number[],
  caseIds: readonly string[],
): void {
  if (!Array.isArray(shape) || !sameShape(shape, expected)) {
    throw new ShapeMismatchError(argument + ofCases(caseIds), expected, Array.isArray(shape) ? shape : []);
  }
  const values = (argument.endsWith(".data") ? argument : `${argument}.data`) + ofCases(caseIds);
  if (!(data instanceof kind)) throw new InvalidArgumentError(values, kind.name, data);
  const promised = elementCount(expected);
  if (data.length === promised) return;
  throw new InvalidArgumentError(values, `${promised} values, as its shape [${expected.join()}] promises`, data.length);
}

function refuseUnknownLabels(
  labels: Int32Array,
  argument: string,
  outputChannels: number,
  caseIds: readonly string[],
  { regions, ignoreLabel }: Pick<CompileOptions, "regions" | "ignoreLabel">,
): void {
  const last = regions ? 1 : outputChannels - 1;
  const isOdd = (label: number) => (label < 0 || label > last) && label !== ignoreLabel;
  let odd = -1;
  for (let i = 0; i < labels.length && odd < 0; i++) if (isOdd(labels[i]!)) odd = i;
  if (odd < 0) return;
  const caseId = caseIds[Math.floor((odd * caseIds.length) / labels.length)];
  const ignored = ignoreLabel === undefined ? "" : `, or ${ignoreLabel}, which is ignored`;
  const of = regions ? "0 or 1 per region" : `labels from 0 to ${last}`;
  throw new InvalidArgumentError(
    argument + (caseId === undefined ? "" : ofCases([caseId])),
    `${of}${ignored} (look at what a sampler or augmentation of your own writes)`,
    labels[odd],
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
