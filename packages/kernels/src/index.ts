export { type Box, boxShape, cropToBox } from "./box.ts";
export { nonzeroBox, nonzeroRegion } from "./nonzero-region.ts";
export { type LinearTaps, linearTaps } from "./resample-axis.ts";
export {
  type ResampleImageOptions,
  resampleImage,
  type SeparateAxis,
  type SplineOrder,
} from "./resample-image.ts";
export { resampleLabels } from "./resample-labels.ts";
export {
  type LineReader,
  type NumberStore,
  numbersInMemory,
  RESAMPLING_PANEL,
  resampleSlices,
  type ResampleSlicesOptions,
} from "./resample-slices.ts";
export { PanelScratch } from "./resample-panel.ts";
export { cropTransposed, transposeVolume } from "./transpose-volume.ts";
export { type Components, type Connectivity, labelComponents } from "./label-components.ts";
export { aligned, enlargeWasmMemory, instantiateWasm, type WasmMemory } from "./wasm-module.ts";
