import type { DatasetJson } from "../artefacts.ts";

/** What the labels of a dataset mean for network and loss. */
export interface LabelSet {
  /** Foreground label ids, ascending, without background and ignore. */
  readonly foreground: readonly number[];
  /** Regions (lists of ids) in dataset.json order, background left out; undefined for ordinary labels. */
  readonly regions: readonly (readonly number[])[] | undefined;
  /** The label written for each region. */
  readonly regionsClassOrder: readonly number[] | undefined;
  readonly ignoreLabel: number | undefined;
  /** Channels of the network's output: classes with background, or regions. */
  readonly outputChannels: number;
  /** All label ids that may occur in a label file, ascending. */
  readonly allowed: readonly number[];
  /** Name of each foreground label or region, in output order. */
  readonly names: readonly string[];
}

/** What verification and fingerprint say of a dataset that nothing can be learned from. */
export const noForeground =
  "no case has foreground: every voxel of every label is background or ignored; check the labels against dataset.json";

/**
 * Reads the meaning of the labels out of dataset.json (docs/method.md §2.10).
 *
 * @example labelSet(hippocampus).foreground; // [1, 2]
 */
export function labelSet(dataset: Pick<DatasetJson, "labels"> & Partial<DatasetJson>): LabelSet {
  const entries = Object.entries(dataset.labels);
  const ignoreEntry = entries.find(([name]) => name === "ignore");
  const ignoreLabel = typeof ignoreEntry?.[1] === "number" ? ignoreEntry[1] : undefined;
  const usable = entries.filter(([name]) => name !== "ignore");
  const ids = new Set<number>();
  for (const [, value] of usable) for (const id of typeof value === "number" ? [value] : value) ids.add(id);
  ids.delete(0);
  const foreground = [...ids].sort((a, b) => a - b);
  const isBackground = (value: number | readonly number[]) =>
    typeof value === "number" ? value === 0 : value.length === 1 && value[0] === 0;
  const foregroundEntries = usable.filter(([, value]) => !isBackground(value));
  const hasRegions = foregroundEntries.some(([, value]) => typeof value !== "number" && value.length > 1);
  const regions = hasRegions
    ? foregroundEntries.map(([, value]) => (typeof value === "number" ? [value] : [...value]))
    : undefined;
  const labelEntries = foregroundEntries
    .map(([name, value]) => ({ name, id: typeof value === "number" ? value : value[0]! }))
    .sort((a, b) => a.id - b.id);
  return {
    foreground,
    regions,
    regionsClassOrder: hasRegions ? dataset.regionsClassOrder : undefined,
    ignoreLabel,
    outputChannels: regions ? regions.length : (foreground.at(-1) ?? 0) + 1,
    allowed: ignoreLabel === undefined ? [0, ...foreground] : [0, ...foreground, ignoreLabel],
    names: regions ? foregroundEntries.map(([name]) => name) : labelEntries.map(({ name }) => name),
  };
}
