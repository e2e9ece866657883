export { type Box, boxShape, cropToBox } from "./box.ts";
export { nonzeroRegion } from "./nonzero-region.ts";
