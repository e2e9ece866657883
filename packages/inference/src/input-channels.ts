import { labelSet, type ModelMetadata } from "@nnunet/core";

/** Channels that the network expects: the image's, and for the second network of a cascade one per foreground label. */
export function inputChannels(metadata: ModelMetadata): number {
  const cascade = metadata.plans.configurations[metadata.configuration]?.previousConfiguration !== undefined;
  return metadata.dataset.channelNames.length + (cascade ? labelSet(metadata.dataset).foreground.length : 0);
}
