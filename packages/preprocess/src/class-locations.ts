import { type LabelSet, MersenneTwister } from "@nnunet/core";

/** nnU-Net's seed, the same for every case. */
const SEED = 1234;
const MAXIMUM = 10_000;
const MINIMUM_SHARE = 0.01;

/**
 * Voxels of each class (or region) from which training may centre a patch: of n voxels a random
 * max(min(10 000, n), ⌈n / 100⌉) without replacement, drawn as NumPy's RandomState(1234) draws them.
 *
 * Keys are label ids ("1") or regions ("1,2"). With an ignore label one key more, "-1,0,1,…" (−1, background and all
 * labels), collects the annotated voxels. A class that does not occur has an empty list.
 *
 * @param seg - [z, y, x] labels, −1 outside the nonzero region
 * @returns flat indices into `seg`, in the order drawn
 * @example classLocations(Int16Array.of(0, 2, 0, 2), labels); // { "1": [], "2": [3, 1] }
 * @see facts.md §3, "Class locations"
 */
export function classLocations(seg: Int16Array, labels: LabelSet): Record<string, Int32Array> {
  const keys: (readonly number[])[] = labels.regions ? [...labels.regions] : labels.foreground.map((id) => [id]);
  if (labels.ignoreLabel !== undefined) keys.push([-1, 0, ...labels.foreground]);

  const counts = new Map<number, number>();
  for (let i = 0; i < seg.length; ) {
    const label = seg[i]!;
    const first = i;
    while (i < seg.length && seg[i] === label) i++;
    counts.set(label, (counts.get(label) ?? 0) + i - first);
  }

  const random = new MersenneTwister(SEED);
  const collectors: Collector[] = keys.map((key) => {
    const ids = [...new Set(key)];
    const n = ids.reduce((sum, id) => sum + (counts.get(id) ?? 0), 0);
    const wanted = Math.max(Math.min(MAXIMUM, n), Math.ceil(n * MINIMUM_SHARE));
    // NumPy's choice(n, wanted, replace = False) is the head of a permutation.
    const ranks = n === 0 ? new Int32Array(0) : random.permutation(n).slice(0, wanted);
    const byRank = Int32Array.from(ranks, (_, i) => i).sort((a, b) => ranks[a]! - ranks[b]!);
    return { ids, ranks, byRank, found: new Int32Array(wanted) };
  });

  // One pass: the r-th voxel of a class fills the slot that drew rank r. A region's ranks run through its labels in
  // turn, as in the reference, not through the volume.
  const byLabel = new Map<number, Cursor[]>();
  for (const collector of collectors) {
    let seen = 0;
    let next = 0;
    for (const id of collector.ids) {
      const cursors = byLabel.get(id) ?? [];
      cursors.push({ collector, seen, next });
      byLabel.set(id, cursors);
      seen += counts.get(id) ?? 0;
      while (next < collector.byRank.length && collector.ranks[collector.byRank[next]!]! < seen) next++;
    }
  }
  for (let i = 0; i < seg.length; ) {
    const label = seg[i]!;
    const first = i;
    while (i < seg.length && seg[i] === label) i++;
    for (const cursor of byLabel.get(label) ?? []) {
      const { ranks, byRank, found } = cursor.collector;
      const end = cursor.seen + i - first;
      for (; cursor.next < byRank.length && ranks[byRank[cursor.next]!]! < end; cursor.next++) {
        const slot = byRank[cursor.next]!;
        found[slot] = first + ranks[slot]! - cursor.seen;
      }
      cursor.seen = end;
    }
  }
  return Object.fromEntries(collectors.map(({ ids, found }) => [ids.join(","), found]));
}

interface Collector {
  readonly ids: readonly number[];
  /** Drawn ranks among the voxels of the class, in the order drawn. */
  readonly ranks: Int32Array;
  /** Slots of `ranks`, by ascending rank. */
  readonly byRank: Int32Array;
  readonly found: Int32Array;
}

/** How far one label of a class has been passed. */
interface Cursor {
  readonly collector: Collector;
  /** Rank of the next voxel of the label. */
  seen: number;
  /** Next of `byRank` to be found. */
  next: number;
}
