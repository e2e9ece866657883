export type { NetworkMeaning } from "./transfer/network-meaning.ts";
export {
  type TrainedNetwork,
  type Transfer,
  type TransferredWeight,
  transferWeights,
} from "./transfer/transfer-weights.ts";
export { buildNetwork, defaultNetwork, outputScales } from "./build-network.ts";
export { GraphBuilder } from "./graph-builder.ts";
export { graphProblems, networkConformance } from "./network-conformance.ts";
export { outputScalesOf } from "./output-scales-of.ts";
export {
  type Feature,
  type NetworkGraph,
  type NetworkNode,
  type NetworkSize,
  type Parameter,
  parameterCount,
  parametersOf,
} from "./network-graph.ts";
export type { FoldAverage } from "./onnx/average-folds.ts";
export { findBlockSize } from "./onnx/blocked/block-size.ts";
export { isBlockable } from "./onnx/planes/convolve-stacks.ts";
export {
  type Activation,
  blockedStatistics,
  channelMeans,
  leakyActivation,
  meanProducts,
  scaledChannels,
} from "./onnx/blocked/blocked-norm.ts";
export {
  type BlockedTensor,
  cleaned,
  nchwc,
  pictureOf,
  pictureShape,
  pitch,
  type PlaneSize,
  toBlocked,
  toPlain,
  volumeSize,
  wholeBlocks,
} from "./onnx/blocked/blocked-tensor.ts";
export { pointwiseProduct } from "./onnx/blocked/pointwise-product.ts";
export {
  type ConvolvedPlanes,
  convolvePlanes,
  kernelShape,
  kernelsOf,
  type PlaneWindow,
  wantedRows,
  windowOf,
} from "./onnx/blocked/convolve-planes.ts";
export {
  gatherRuns,
  separatedBlocks,
  sumTable,
  wovenBlocks,
  type WovenGrid,
} from "./onnx/blocked/weave-blocks.ts";
export { kernelsMade, pairMade, planesMet } from "./onnx/blocked/winograd.ts";
export { hasBlockedForm, writeBlockedModel } from "./onnx/planes/write-blocked-model.ts";
export { addBatchNorm, addForwardNode, interleaveTaps, nodesFor } from "./onnx/forward-nodes.ts";
export { type OnnxAttribute, type OnnxElementType, OnnxGraph, type OnnxNode, onnxOpset } from "./onnx/onnx-graph.ts";
export { readSafetensors, type Tensor, writeSafetensors } from "./safetensors.ts";
export { checkWeights, initialiseWeights, type Weights, type WeightTensor } from "./weights.ts";
export { addNetworkNodes, type ExportMetadata, foldAverage, nameInFold, writeOnnxModel } from "./write-onnx-model.ts";
