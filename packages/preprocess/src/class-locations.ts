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
 * @see docs/method.md §3, "Class locations"
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
    // Rank and slot in one number: typed arrays sort fast only without a comparison function.
    const drawn = new Float64Array(wanted);
    for (let slot = 0; slot < wanted; slot++) drawn[slot] = ranks[slot]! * wanted + slot;
    drawn.sort();
    return { ids, drawn, found: new Int32Array(wanted) };
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
      while (next < collector.drawn.length && collector.drawn[next]! < seen * collector.found.length) next++;
    }
  }
  for (let i = 0; i < seg.length; ) {
    const label = seg[i]!;
    const first = i;
    while (i < seg.length && seg[i] === label) i++;
    for (const cursor of byLabel.get(label) ?? []) {
      const { drawn, found } = cursor.collector;
      const end = cursor.seen + i - first;
      for (; cursor.next < drawn.length && drawn[cursor.next]! < end * found.length; cursor.next++) {
        const rank = Math.floor(drawn[cursor.next]! / found.length);
        found[drawn[cursor.next]! - rank * found.length] = first + rank - cursor.seen;
      }
      cursor.seen = end;
    }
  }
  return Object.fromEntries(collectors.map(({ ids, found }) => [ids.join(","), found]));
}

interface Collector {
  readonly ids: readonly number[];
  /** rank · length of `found` + slot, ascending: which voxels of the class were drawn, and where they go in `found`. */
  readonly drawn: Float64Array;
  readonly found: Int32Array;
}

/** How far one label of a class has been passed. */
interface Cursor {
  readonly collector: Collector;
  /** Rank of the next voxel of the label. */
  seen: number;
  /** Next of `drawn` to be found. */
  next: number;
}
