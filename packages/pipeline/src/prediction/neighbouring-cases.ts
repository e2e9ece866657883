import { counted, gigabytes } from "@nnunet/core";
import { usableCores } from "@nnunet/core/node";

/** Bytes that a thread takes for itself: its modules, and what its heap leaves lying for a while. */
const THREAD = 100e6;
/** How often the weights of a network are in memory while it is opened. */
const COPIES_OF_WEIGHTS = 3;
/** More would need as many times the memory; not tried on a machine that has the cores. */
const MOST = 4;
/** Fewer cases per thread than this do not win back what its start costs, half a second and the loading of networks. */
const CASES_PER_THREAD = 4;
/** Nor does less work, in seconds. */
const WORTH = 5;

/** What is known of a case beforehand. */
export interface ExpectedCase {
  /** Bytes at the peak. */
  readonly memory: number;
  /** From sizes, not by a clock. */
  readonly seconds: number;
}

/** How many cases are in work at a time. */
export interface Neighbours {
  readonly atOnce: number;
  /** Threads of the networks of each; undefined for those that are loaded already. */
  readonly networkThreads?: number;
  /** Bytes at the peak. */
  readonly memory: number;
  /** In words, with the reason where it is one. */
  readonly told: string;
}

export interface NeighbourOptions {
  /** Bytes that the process takes before the first case. */
  readonly taken: number;
  /** Bytes that may be taken. */
  readonly limit: number;
  /** Bytes of the files of all networks. */
  readonly weights: number;
  /** The caller's choice, instead of one by the cores and the work. */
  readonly wanted?: number | undefined;
  /** The caller's choice of the threads of a network. */
  readonly networkThreads?: number | undefined;
  readonly cores?: number;
}

/**
 * How many neighbouring cases are predicted at a time: reading, resampling and writing use one core each, and networks one
 * after the other do not keep several busy. As many as cores, memory and work allow, from the headers alone, so that the
 * same images are predicted the same way again.
 *
 * @param outlooks - of the cases, in their order; each counts `taken`
 */
export function neighbouringCases(
  outlooks: readonly ExpectedCase[],
  { taken, limit, weights, wanted, networkThreads, cores = usableCores() }: NeighbourOptions,
): Neighbours {
  const together = (atOnce: number) =>
    memoryTogether(outlooks, atOnce, taken) + (atOnce > 1 ? atOnce * (THREAD + COPIES_OF_WEIGHTS * weights) : 0);
  const alone = (reason: string): Neighbours => {
    return { atOnce: 1, memory: together(1), told: `one case at a time, because ${reason}` };
  };
  const seconds = outlooks.reduce((sum, outlook) => sum + outlook.seconds, 0);
  const byCores = Math.floor(cores / (networkThreads ?? (cores < 4 ? 1 : 2)));
  const byWork = seconds < WORTH ? 1 : Math.floor(outlooks.length / CASES_PER_THREAD);
  const most = Math.min(outlooks.length, wanted ?? Math.min(MOST, byCores, byWork));
  if (most < 2) {
    if (wanted !== undefined) return alone("nothing else was asked for");
    return alone(byCores < 2 ? "a network uses all cores" : "there is too little work for several");
  }
  for (let atOnce = most; atOnce > 1; atOnce--) {
    const memory = together(atOnce);
    if (memory > limit) continue;
    const each = networkThreads ?? Math.max(1, Math.floor(cores / atOnce));
    return {
      atOnce,
      networkThreads: each,
      memory,
      told: `${atOnce} cases at a time, each by a network of ${counted(each, "thread")}`,
    };
  }
  return alone(`two may take ${gigabytes(together(2))} of memory, of which ${gigabytes(limit)} may be used`);
}

/** Bytes of so many neighbours, where they take the most. */
function memoryTogether(outlooks: readonly ExpectedCase[], atOnce: number, taken: number): number {
  let most = 0;
  for (let first = 0; first + atOnce <= outlooks.length; first++) {
    const own = outlooks.slice(first, first + atOnce).reduce((sum, { memory }) => sum + memory - taken, 0);
    most = Math.max(most, own);
  }
  return taken + most;
}
