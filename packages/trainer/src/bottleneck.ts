import { counted } from "@nnunet/core";
import type { EpochRecord } from "./checkpoint.ts";

/** A part of an epoch that takes this much of it is worth a word about what would help. */
const worth = 0.2;

/** What an epoch was trained with, as far as advice depends on it. */
export interface EpochMakers {
  /** Threads that make batches; undefined where the training's own thread does. */
  readonly workers: number | undefined;
  /** Threads that can compute at a time. */
  readonly cores: number;
  readonly validationIterations: number;
}

const names = {
  waitSeconds: "waiting for batches",
  checkpointSeconds: "writing checkpoints",
  validationSeconds: "the validation",
} as const;

const advice: Readonly<Record<keyof typeof names, (makers: EpochMakers) => string>> = {
  waitSeconds: ({ workers, cores }) => {
    const otherwise = "an augmentation that costs less, or a faster disk for the preprocessed data,";
    if (workers === undefined) {
      return "they are made in the training's own thread: a sampler or augmentation of a config file, or with a module, runs in worker threads";
    }
    if (workers < cores) {
      return `more \`workers\` (they are ${workers}, for ${cores} cores) would help, or a faster disk for the preprocessed data`;
    }
    const more = `more \`workers\` than the ${workers} for ${counted(cores, "core")} would not`;
    return `${otherwise} or a machine of more cores would help, ${more}`;
  },
  checkpointSeconds: () => "a faster disk for the results, or more `iterationsPerEpoch`, would help",
  validationSeconds: ({ validationIterations }) =>
    validationIterations > 1 ? "fewer `validationIterations` would help" : "more `iterationsPerEpoch` would help",
};

export interface Bottleneck {
  readonly kind: "stepSeconds" | keyof typeof names;
  /** One sentence. */
  readonly text: string;
}

/**
 * Which part of an epoch keeps it from being faster: what the step waits for, where that is a fifth of the epoch or more, or
 * else the step itself; and what would help.
 *
 * @example bottleneck(record, makers).text; // "the bottleneck is waiting for batches, 62 % of the epoch; more `workers` …"
 */
export function bottleneck(
  record: Pick<EpochRecord, "stepSeconds" | "waitSeconds" | "validationSeconds" | "checkpointSeconds">,
  makers: EpochMakers,
): Bottleneck {
  const { stepSeconds = 0, waitSeconds = 0, validationSeconds = 0, checkpointSeconds = 0 } = record;
  const total = stepSeconds + waitSeconds + validationSeconds + checkpointSeconds;
  const share = (seconds: number) => `${Math.round((100 * seconds) / total)} % of the epoch`;
  const parts = { waitSeconds, checkpointSeconds, validationSeconds };
  // a fifth of the steps again is what a validation is meant to take, so it counts where it is more than half
  const bound = { waitSeconds: worth, checkpointSeconds: worth, validationSeconds: 0.5 };
  const found = (Object.keys(names) as (keyof typeof names)[])
    .filter((kind) => parts[kind] > bound[kind] * total)
    .sort((a, b) => parts[b] - parts[a])[0];
  if (found === undefined) {
    return { kind: "stepSeconds", text: `the bottleneck is the training step, ${share(stepSeconds)}` };
  }
  return { kind: found, text: `the bottleneck is ${names[found]}, ${share(parts[found])}; ${advice[found](makers)}` };
}
