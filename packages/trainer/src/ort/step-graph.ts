import type { NetworkGraph } from "@nnunet/unet-model";
import { nodesFor, OnnxGraph } from "@nnunet/unet-model";
import type { CompileOptions } from "../engine.ts";
import { deepSupervisionLoss } from "../losses/deep-supervision.ts";
import type { ConvolutionLowering } from "./convolution.ts";
import { forward, type ParameterLayout, parameterLayout, unpackParameters } from "./forward.ts";
import { addSgdStep } from "./sgd.ts";
import { Tape, type Value } from "./tape.ts";

/** The part of the network that the loss sees: heads of weight 0, and what only they need, are left out. */
export function trainedPart(graph: NetworkGraph, outputWeights: readonly number[]): NetworkGraph {
  const heads = graph.outputs.filter((_, i) => outputWeights[i] !== 0);
  const nodes = nodesFor(
    graph,
    heads.map((f) => f.id),
  );
  const used = new Set(
    nodes.flatMap((n) => {
      if (n.kind === "instanceNorm") return [n.scale, n.bias];
      return n.kind === "conv" || n.kind === "upConv" ? [n.weight, n.bias] : [];
    }),
  );
  return { ...graph, nodes, outputs: heads, parameters: graph.parameters.filter((p) => used.has(p.name)) };
}

/** Feeds: data, target.0 …, weights, momentum, rate. Fetches: loss, gradientNorm, newWeights, newMomentum. */
export function trainingStepModel(
  graph: NetworkGraph,
  options: CompileOptions,
  lowering: ConvolutionLowering,
): Uint8Array {
  const { onnx, tape, layout, weights, parameters, loss } = lossGraph("training-step", graph, options, lowering);
  onnx.input("momentum", "float32", [layout.total]);
  onnx.input("rate", "float32", []);
  const gradient = flatGradient(tape, loss, parameters);
  addSgdStep(
    onnx,
    { weights: weights.name, momentum: "momentum", gradient, learningRate: "rate" },
    { weights: "newWeights", momentum: "newMomentum", gradientNorm: "gradientNorm" },
    options.optimiser,
  );
  onnx.node("Identity", [loss.name], {}, "loss");
  onnx.output("loss", "float32", []);
  onnx.output("gradientNorm", "float32", []);
  onnx.output("newWeights", "float32", [layout.total]);
  onnx.output("newMomentum", "float32", [layout.total]);
  return onnx.encode();
}

/** Feeds: data, target.0 …, weights. Fetches: loss, gradient (flat). */
export function gradientModel(graph: NetworkGraph, options: CompileOptions, lowering: ConvolutionLowering): Uint8Array {
  const { onnx, tape, layout, parameters, loss } = lossGraph("gradients", graph, options, lowering);
  onnx.node("Identity", [flatGradient(tape, loss, parameters)], {}, "gradient");
  onnx.node("Identity", [loss.name], {}, "loss");
  onnx.output("loss", "float32", []);
  onnx.output("gradient", "float32", [layout.total]);
  return onnx.encode();
}

/** Feeds: data, target.0 …, weights. Fetches: loss, and per foreground class tp, fp, fn of the hard segmentation. */
export function evaluationModel(
  graph: NetworkGraph,
  options: CompileOptions,
  lowering: ConvolutionLowering,
): Uint8Array {
  const { onnx, logits, targets, loss } = lossGraph("evaluation", graph, options, lowering);
  onnx.node("Identity", [loss.name], {}, "loss");
  onnx.output("loss", "float32", []);
  addCounts(onnx, logits[0]!, targets[0]!, options);
  return onnx.encode();
}

function lossGraph(name: string, graph: NetworkGraph, options: CompileOptions, lowering: ConvolutionLowering) {
  const onnx = new OnnxGraph(name);
  const tape = new Tape(onnx);
  const layout: ParameterLayout = parameterLayout(graph);
  const weights = tape.input("weights", [layout.total]);
  const parameters = unpackParameters(tape, layout, weights);
  const data = tape.input("data", [options.batchSize, graph.input.channels, ...graph.input.spatial]);
  const logits = forward(tape, graph, lowering, parameters, data);
  const channels = targetChannels(graph.outputs[0]!.channels, options);
  const targets = logits.map((l, i) =>
    tape.input(`target.${i}`, [options.batchSize, channels, ...l.shape.slice(2)], { type: "int32" }),
  );
  const outputWeights = options.outputWeights.filter((w) => w !== 0);
  const loss = deepSupervisionLoss(tape, options.loss, logits, targets, outputWeights);
  return { onnx, tape, layout, weights, parameters, logits, targets, loss };
}

/** Labels travel as one channel of ids, regions as one channel each. */
export function targetChannels(outputChannels: number, options: Pick<CompileOptions, "regions">): number {
  return options.regions ? outputChannels : 1;
}

function flatGradient(tape: Tape, loss: Value, parameters: ReadonlyMap<string, Value>): string {
  const { onnx } = tape;
  const flat = tape
    .gradients(loss, [...parameters.values()])
    .map((g) => onnx.node("Reshape", [g, onnx.integers([-1])]));
  return onnx.node("Concat", flat, { axis: 0 });
}

function addCounts(onnx: OnnxGraph, logits: Value, target: Value, options: CompileOptions): void {
  const tape = new Tape(onnx);
  const classes = logits.shape[1]!;
  const ones = logits.shape.slice(2).map(() => 1);
  const counted = (x: string, output: string, first: number) => {
    const axes = [0, ...ones.map((_, axis) => axis + 2)];
    const sum = onnx.node("ReduceSum", [x, onnx.integers(axes)], { keepdims: 0 });
    onnx.node("Slice", [sum, onnx.integers([first]), onnx.integers([classes])], {}, output);
    onnx.output(output, "float32", [classes - first]);
  };
  let predicted: Value;
  let truth: Value;
  if (options.regions) {
    predicted = {
      name: onnx.node("Cast", [onnx.node("Greater", [logits.name, onnx.scalar(0)])], { to: 1 }),
      shape: logits.shape,
    };
    truth = tape.equal(target, tape.integer(1));
  } else {
    const ids = tape.integers(
      Array.from({ length: classes }, (_, c) => c),
      [1, classes, ...ones],
    );
    const winner = onnx.node("Cast", [onnx.node("ArgMax", [logits.name], { axis: 1 })], { to: 6 });
    predicted = tape.equal({ name: winner, shape: target.shape }, ids);
    truth = tape.equal(target, ids);
  }
  const { ignoreLabel } = options;
  const mask =
    ignoreLabel === undefined
      ? undefined
      : tape.notEqual(options.regions ? tape.firstChannel(target) : target, tape.integer(ignoreLabel));
  if (mask) predicted = tape.multiply(predicted, mask);
  if (mask) truth = tape.multiply(truth, mask);
  const both = tape.multiply(predicted, truth);
  const first = options.regions ? 0 : 1;
  counted(both.name, "tp", first);
  counted(tape.subtract(predicted, both).name, "fp", first);
  counted(tape.subtract(truth, both).name, "fn", first);
}
