import { elementCount } from "@nnunet/core";
import type { NetworkGraph } from "@nnunet/unet-model";
import { OnnxGraph } from "@nnunet/unet-model";
import { targetChannels } from "../check-batch.ts";
import type { CompileOptions } from "../engine.ts";
import { confusionCounts } from "../losses/confusion-counts.ts";
import { deepSupervisionLoss } from "../losses/deep-supervision.ts";
import { clipGradient } from "../optimisers/optimiser.ts";
import { type ParameterLayout, parameterLayout, runningShare, statisticsLayout } from "../parameter-layout.ts";
import type { ConvolutionLowering } from "./convolution.ts";
import { cutParameters, joinInRows } from "./flat-vectors.ts";
import { forward } from "./forward.ts";
import { OnnxTape, type OnnxValue } from "./onnx-tape.ts";

/** Names of what goes into and comes out of the step graph. */
export const stepNames = {
  weights: "weights",
  newWeights: "newWeights",
  statistics: "statistics",
  newStatistics: "newStatistics",
  kept: (name: string) => `kept.${name}`,
  newKept: (name: string) => `new.${name}`,
  lossScale: "lossScale",
  coefficient: (name: string) => `coefficient.${name}`,
};

/**
 * Feeds: data, target.0 …, weights, statistics (of batch norms, if any), what the optimiser keeps, its coefficients, and with
 * mixed precision the loss's scale.
 * Fetches: loss, gradientNorm, newWeights, newStatistics, and what the optimiser keeps anew.
 */
export function trainingStepModel(
  graph: NetworkGraph,
  options: CompileOptions,
  lowering: ConvolutionLowering,
): Uint8Array {
  const built = lossGraph("training-step", graph, options, lowering, true);
  const { onnx, tape, layout, weights, parameters, loss } = built;
  const { optimiser } = options;
  const vector = [layout.total];
  const kept = record(optimiser.keeps, (name) => tape.input(stepNames.kept(name), vector));
  const coefficients = record(Object.keys(optimiser.coefficients(1, 1)), (name) =>
    tape.input(stepNames.coefficient(name), []),
  );
  const raw: OnnxValue = { name: flatGradient(tape, loss, parameters, options, lowering), shape: vector };
  const { gradient, norm } = clipGradient(tape, raw, optimiser.clipNorm);
  tape.holdScalarsUntil(norm); // else products of whole vectors are made first, and kept during the step
  const next = optimiser.step(tape, { weights, gradient, kept, coefficients });
  const output = (value: OnnxValue, name: string) => {
    onnx.node("Identity", [value.name], {}, name);
    onnx.output(name, "float32", value.shape);
  };
  output(loss, "loss");
  output(norm, "gradientNorm");
  output(next.weights, stepNames.newWeights);
  if (built.running) output(newAverages(tape, built.running, built.seen), stepNames.newStatistics);
  for (const name of optimiser.keeps) output(next.kept[name]!, stepNames.newKept(name));
  return onnx.encode();
}

/** Feeds: data, target.0 …, weights, and with mixed precision the loss's scale. Fetches: loss, gradient (flat). */
export function gradientModel(graph: NetworkGraph, options: CompileOptions, lowering: ConvolutionLowering): Uint8Array {
  const { onnx, tape, layout, parameters, loss } = lossGraph("gradients", graph, options, lowering, true);
  onnx.node("Identity", [flatGradient(tape, loss, parameters, options, lowering)], {}, "gradient");
  onnx.node("Identity", [loss.name], {}, "loss");
  onnx.output("loss", "float32", []);
  onnx.output("gradient", "float32", [layout.total]);
  return onnx.encode();
}

/** Feeds: data, target.0 …, weights. Fetches: loss, and the counts of the hard segmentation, one per channel. */
export function evaluationModel(
  graph: NetworkGraph,
  options: CompileOptions,
  lowering: ConvolutionLowering,
): Uint8Array {
  const { onnx, tape, logits, targets, loss } = lossGraph("evaluation", graph, options, lowering, false);
  onnx.node("Identity", [loss.name], {}, "loss");
  onnx.output("loss", "float32", []);
  const channels = [logits[0]!.shape[1]!];
  for (const [name, count] of Object.entries(confusionCounts(tape, logits[0]!, targets[0]!, options))) {
    onnx.node("Reshape", [count.name, onnx.integers(channels)], {}, name);
    onnx.output(name, "float32", channels);
  }
  return onnx.encode();
}

function lossGraph(
  name: string,
  graph: NetworkGraph,
  options: CompileOptions,
  lowering: ConvolutionLowering,
  training: boolean,
) {
  const onnx = new OnnxGraph(name, { joinsReshapes: true });
  const tape = new OnnxTape(onnx);
  const layout: ParameterLayout = parameterLayout(graph);
  const weights = tape.input(stepNames.weights, [layout.total]);
  const parameters = cutParameters(tape, layout, weights, lowering.tabulatesAxes);
  const data = tape.input("data", [options.batchSize, graph.input.channels, ...graph.input.spatial]);
  const averages = statisticsLayout(graph);
  const running = averages.total === 0 ? undefined : tape.input(stepNames.statistics, [averages.total]);
  const known = running ? new Map([...parameters, ...cutParameters(tape, averages, running)]) : parameters;
  const { logits, statistics } = forward(tape, graph, lowering, known, data, training);
  const seen = [...averages.offsets.keys()].map((parameter) => statistics.get(parameter)!);
  const channels = targetChannels(graph.outputs[0]!.channels, options);
  const targets = logits.map((l, i) =>
    tape.input(`target.${i}`, [options.batchSize, channels, ...l.shape.slice(2)], { type: "int32" }),
  );
  const outputWeights = options.outputWeights.filter((w) => w !== 0);
  const loss = deepSupervisionLoss(tape, options.loss, logits, targets, outputWeights);
  return { onnx, tape, layout, weights, parameters, logits, targets, loss, running, seen };
}

/** Running averages of batch norms after this batch. */
function newAverages(tape: OnnxTape, running: OnnxValue, seen: readonly OnnxValue[]): OnnxValue {
  const name = tape.onnx.node(
    "Concat",
    seen.map((s) => s.name),
    { axis: 0 },
  );
  const now: OnnxValue = { name, shape: running.shape };
  return tape.add(tape.multiply(running, tape.scalar(1 - runningShare)), tape.multiply(now, tape.scalar(runningShare)));
}

/** In float16 it is the gradient of the scaled loss that is computed; divided by the scale, it is the loss's again. */
function flatGradient(
  tape: OnnxTape,
  loss: OnnxValue,
  parameters: ReadonlyMap<string, OnnxValue>,
  { mixedPrecision = false }: CompileOptions,
  { tabulatesAxes = false }: ConvolutionLowering,
): string {
  const { onnx } = tape;
  const scale = mixedPrecision ? tape.input(stepNames.lossScale, []) : undefined;
  const flat = tape
    .gradients(scale ? tape.multiply(loss, scale) : loss, [...parameters.values()])
    .map((g) => onnx.node("Reshape", [g, onnx.integers([-1])]));
  const lengths = [...parameters.values()].map(({ shape }) => elementCount(shape));
  const joined = tabulatesAxes
    ? joinInRows(
        onnx,
        flat.map((name, i) => ({ name, length: lengths[i]! })),
      )
    : onnx.node("Concat", flat, { axis: 0 });
  return scale ? onnx.node("Div", [joined, scale.name]) : joined;
}

function record<T>(names: readonly string[], make: (name: string) => T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, make(name)]));
}
