export { buildNetwork, type NetworkSize, outputScales } from "./build-network.ts";
export {
  type Feature,
  type NetworkGraph,
  type NetworkNode,
  type Parameter,
  parameterCount,
  parametersOf,
} from "./network-graph.ts";
export { addBatchNorm, addForwardNode, interleaveTaps, nodesFor } from "./onnx/forward-nodes.ts";
export { type OnnxAttribute, type OnnxElementType, OnnxGraph, onnxOpset } from "./onnx/onnx-graph.ts";
export { readSafetensors, type Tensor, writeSafetensors } from "./safetensors.ts";
export { checkWeights, initialiseWeights, type Weights, type WeightTensor } from "./weights.ts";
export { type ExportMetadata, writeOnnxModel } from "./write-onnx-model.ts";
