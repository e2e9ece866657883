import {
  type Configuration,
  inputChannels,
  InvalidArgumentError,
  labelSet,
  type LabelSet,
  type ModelMetadata,
  type Shape3,
} from "@nnunet/core";
import type { Activation } from "./add-prediction.ts";
import type { Model } from "./load-model.ts";

/** What the folds of one configuration have in common. */
export interface CommonNetwork {
  readonly metadata: ModelMetadata;
  readonly configuration: Configuration;
  readonly labels: LabelSet;
  readonly inputChannels: number;
  /** What makes the configuration's `averaging` out of logits. */
  readonly activation: Activation;
  /** [z, y, x]; z is 1 for a 2D network. */
  readonly patchSize: Shape3;
  /** Of [z, y, x]. */
  readonly mirrorAxes: readonly number[];
}

/**
 * Checks that models can be averaged voxel by voxel, before any time is spent on them.
 *
 * @throws {InvalidArgumentError} if there is none, or two differ in what is compared here
 */
export function commonNetwork(models: readonly Pick<Model, "metadata">[]): CommonNetwork {
  const [first, ...others] = models;
  if (first === undefined) throw new InvalidArgumentError("models", "at least one model", models);
  const reference = compared(first.metadata);
  for (const { metadata } of others) {
    const difference = Object.entries(compared(metadata)).find(([name, value]) => value !== reference[name]);
    if (difference !== undefined) {
      throw new InvalidArgumentError(
        "models",
        `folds of one training, with the same ${difference[0]}; predict each configuration by itself with \`probabilities\`, and average those with \`ensemble()\`, or take the final predictor`,
        `${metadata.configuration}, fold ${metadata.folds.join(" ")}`,
      );
    }
  }
  const { metadata } = first;
  const configuration = metadata.plans.configurations[metadata.configuration]!;
  const labels = labelSet(metadata.dataset);
  const flat = configuration.patchSize.length === 2;
  return {
    metadata,
    configuration,
    labels,
    inputChannels: inputChannels(metadata),
    activation: configuration.averaging === "logits" ? "none" : labels.regions ? "sigmoid" : "softmax",
    patchSize: (flat ? [1, ...configuration.patchSize] : configuration.patchSize) as unknown as Shape3,
    mirrorAxes: metadata.mirrorAxes.map((axis) => (flat ? axis + 1 : axis)),
  };
}

/** The parts of the metadata that decide how an image is prepared, cut, averaged and read; the network itself may differ. */
function compared({ plans, dataset, configuration, mirrorAxes }: ModelMetadata): Record<string, string> {
  const { architecture: _, batchSize: __, ...values } = plans.configurations[configuration]!;
  const parts = {
    configuration: [configuration, values],
    "transposition and intensities": [plans.transposeForward, plans.foregroundIntensityPerChannel],
    channels: dataset.channelNames,
    labels: [dataset.labels, dataset.regionsClassOrder],
    "mirror axes": mirrorAxes,
  };
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, JSON.stringify(part)]));
}
