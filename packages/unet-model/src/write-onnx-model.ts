import { createHash } from "node:crypto";
import {
  InvalidArgumentError,
  labelSet,
  modelDatasetToJson,
  type ModelMetadata,
  plansToJson,
  type PreviousStage,
} from "@nnunet/core";
import { type NetworkGraph, type NetworkNode, parametersOf } from "./network-graph.ts";
import { averageFolds, type FoldAverage } from "./onnx/average-folds.ts";
import { addForwardNode, nodesFor } from "./onnx/forward-nodes.ts";
import { OnnxGraph } from "./onnx/onnx-graph.ts";
import { checkWeights, type Weights } from "./weights.ts";

/** The metadata that the caller knows; the hashes of the weights are added here. */
export type ExportMetadata = Omit<ModelMetadata, "weightsSha256" | "foldWeightsSha256">;

/**
 * A complete `model.onnx`: input "input" [n, channel, (z,) y, x] float32 with any n and the spatial size of the patch,
 * output "logits" [n, class, (z,) y, x]. Only the full-resolution head is kept. Weights are inline; plans and the rest of
 * `metadata` travel in `metadata_props`, so that this one file is enough to predict. No more than that travels: of
 * dataset.json what {@link ModelDataset} lists, of the plans all but their explanation.
 *
 * Several sets of weights (folds) become one model that averages them: the logits themselves, or, where the
 * configuration averages probabilities, the logarithm of the mean softmax, whose softmax is that mean (for regions the
 * logit of the mean sigmoid).
 *
 * @throws {InvalidArtifactError | ShapeMismatchError} if weights do not fit the graph
 */
export function writeOnnxModel(graph: NetworkGraph, folds: readonly Weights[], metadata: ExportMetadata): Uint8Array {
  if (folds.length === 0) throw new InvalidArgumentError("folds", "the weights of at least one fold", folds);
  const onnx = new OnnxGraph("nnunet");
  const size = graph.input.spatial;
  onnx.input("input", "float32", ["n", graph.input.channels, ...size]);
  const head = graph.outputs[0]!;
  const nodes = nodesFor(graph, [head.id]);
  const hash = createHash("sha256");
  const foldHashes: string[] = [];
  for (const [fold, weights] of folds.entries()) {
    checkWeights(graph, weights, `weights of fold ${metadata.folds[fold] ?? fold}`);
    const ofFold = createHash("sha256");
    for (const name of nodes.flatMap(parametersOf)) {
      const { data, shape } = weights.get(name)!;
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      hash.update(bytes);
      ofFold.update(bytes);
      onnx.weight(nameInFold(name, fold, folds.length), data, shape);
    }
    foldHashes.push(ofFold.digest("hex"));
  }
  addNetworkNodes(onnx, graph, folds.length, foldAverage(metadata));
  onnx.output("logits", "float32", ["n", head.channels, ...size]);
  const { previousStage } = metadata;
  return onnx.encode(
    new Map([
      ["nnunet.plans", JSON.stringify(plansToJson({ ...metadata.plans, explanation: [] }))],
      ["nnunet.dataset", JSON.stringify(modelDatasetToJson(metadata.dataset))],
      ["nnunet.configuration", metadata.configuration],
      ["nnunet.folds", JSON.stringify(metadata.folds)],
      ["nnunet.mirror_axes", JSON.stringify(metadata.mirrorAxes)],
      ["nnunet.version", metadata.softwareVersion],
      ["nnunet.weights_sha256", hash.digest("hex")],
      ...(folds.length > 1 ? [["nnunet.fold_weights_sha256", JSON.stringify(foldHashes)] as const] : []),
      ...(previousStage ? [["nnunet.previous_stage", previousStageJson(previousStage)] as const] : []),
      ...(metadata.stages ? [["nnunet.stages", JSON.stringify(metadata.stages)] as const] : []),
      ...(metadata.recipe ? [["nnunet.recipe", JSON.stringify(metadata.recipe)] as const] : []),
      ...(metadata.origin ? [["nnunet.origin", JSON.stringify(metadata.origin)] as const] : []),
    ]),
    metadata.softwareVersion,
    "nnunet.file_sha256",
  );
}

function previousStageJson({ configuration, weightsSha256 }: PreviousStage): string {
  return JSON.stringify({ configuration, weights_sha256: weightsSha256 });
}

/** How the folds of a model become one. */
export function foldAverage({
  plans,
  configuration,
  dataset,
}: Pick<ModelMetadata, "plans" | "configuration" | "dataset">): FoldAverage {
  if (plans.configurations[configuration]?.averaging !== "probabilities") return "logits";
  return labelSet(dataset).regions ? "sigmoid" : "softmax"; // regions go through a sigmoid
}

/**
 * All nodes of a model of some folds, from "input" to "logits".
 *
 * @see writeOnnxModel
 */
export function addNetworkNodes(onnx: OnnxGraph, graph: NetworkGraph, folds: number, average: FoldAverage): void {
  const head = graph.outputs[0]!;
  const nodes = nodesFor(graph, [head.id]);
  const logits = Array.from({ length: folds }, (_, fold) => {
    const tensors = new Map([[graph.input.id, "input"]]);
    for (const node of nodes) {
      const renamed = renameParameters(node, (name) => nameInFold(name, fold, folds));
      const target = node.output.id === head.id && folds === 1 ? "logits" : undefined;
      tensors.set(
        node.output.id,
        addForwardNode(onnx, renamed, (id) => tensors.get(id)!, target),
      );
    }
    return tensors.get(head.id)!;
  });
  if (folds > 1) averageFolds(onnx, logits, average);
}

/** The name of a parameter in a model of some folds. */
export function nameInFold(name: string, fold: number, folds: number): string {
  return folds === 1 ? name : `fold${fold}.${name}`;
}

function renameParameters(node: NetworkNode, rename: (name: string) => string): NetworkNode {
  if (node.kind === "instanceNorm") return { ...node, scale: rename(node.scale), bias: rename(node.bias) };
  if (node.kind === "batchNorm") {
    const [scale, bias, mean, variance] = [node.scale, node.bias, node.mean, node.variance].map(rename);
    return { ...node, scale: scale!, bias: bias!, mean: mean!, variance: variance! };
  }
  if (node.kind === "conv" || node.kind === "upConv") {
    return { ...node, weight: rename(node.weight), ...(node.bias ? { bias: rename(node.bias) } : {}) };
  }
  return node;
}
