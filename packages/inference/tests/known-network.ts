import { elementCount, inputChannels, labelSet, type ModelMetadata } from "@nnunet/core";
import type { Model } from "@nnunet/inference";

/** A network that is a formula: the logit of a class at a voxel of a patch, from the values of the channels there. */
export function knownNetwork(
  metadata: ModelMetadata,
  logit: (values: readonly number[], output: number, voxelOfPatch: number) => number,
): Model {
  const { patchSize } = metadata.plans.configurations[metadata.configuration]!;
  const inputs = inputChannels(metadata);
  const { outputChannels } = labelSet(metadata.dataset);
  const voxels = elementCount(patchSize);
  return {
    metadata,
    async run(batch, [count]) {
      const data = new Float32Array(count! * outputChannels * voxels);
      const values = new Array<number>(inputs);
      for (let n = 0; n < count!; n++) {
        for (let i = 0; i < voxels; i++) {
          for (let c = 0; c < inputs; c++) values[c] = batch[(n * inputs + c) * voxels + i]!;
          for (let k = 0; k < outputChannels; k++) data[(n * outputChannels + k) * voxels + i] = logit(values, k, i);
        }
      }
      return { data, shape: [count!, outputChannels, ...patchSize] };
    },
    dispose: async () => {},
  };
}
