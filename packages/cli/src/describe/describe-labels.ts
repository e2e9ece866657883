import { labelSet, type ModelDataset } from "@nnunet/core";

export function describeDataset(dataset: ModelDataset): string {
  return `channels: ${dataset.channelNames.join(", ")}; labels: ${describeLabels(dataset)}`;
}

/** "0 background, 1 tumour, (1, 2) whole" */
export function describeLabels(dataset: ModelDataset): string {
  const { ignoreLabel } = labelSet(dataset);
  const listed = Object.entries(dataset.labels).map(
    ([name, id]) => `${typeof id === "number" ? id : `(${id.join(", ")})`} ${name}`,
  );
  return `${listed.join(", ")}${ignoreLabel === undefined ? "" : " (not trained on)"}`;
}
