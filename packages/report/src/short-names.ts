import { printableName } from "@nnunet/core";
import type { ReportData } from "./report-data.ts";

/** Characters of a name that fills no table or heading. */
const most = 80;

/** The report with every name of dataset, channels, labels and cases short enough to stand in a table, its middle left out. */
export function withShortNames(data: ReportData): ReportData {
  const short = (name: string) => printableName(name, most);
  const named = <T extends { readonly name: string }>(entries: readonly T[]) =>
    entries.map((entry) => ({ ...entry, name: short(entry.name) }));
  const { dataset, scores } = data;
  return {
    ...data,
    dataset: {
      ...dataset,
      name: short(dataset.name),
      channels: dataset.channels.map(short),
      labels: named(dataset.labels),
    },
    ...(scores && { scores: { ...scores, labels: named(scores.labels) } }),
    shownCases: data.shownCases.map((shown) => ({
      ...shown,
      channel: short(shown.channel),
      slices: shown.slices.map((slice) => ({ ...slice, outlines: named(slice.outlines) })),
    })),
  };
}
