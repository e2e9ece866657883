import type { ModelDataset, Plans } from "../artefacts.ts";
import { labelSet } from "../dataset/label-set.ts";

/**
 * Channels that a network expects: the image's, and for the second network of a cascade one per foreground label.
 *
 * @example inputChannels({ plans, dataset, configuration: "3d_cascade_fullres" }); // 3: one image, two labels
 */
export function inputChannels({
  plans,
  dataset,
  configuration,
}: {
  readonly plans: Plans;
  readonly dataset: ModelDataset;
  readonly configuration: string;
}): number {
  const isSecond = plans.configurations[configuration]?.previousConfiguration !== undefined;
  return dataset.channelNames.length + (isSecond ? labelSet(dataset).foreground.length : 0);
}
