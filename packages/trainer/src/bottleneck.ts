import type { EpochRecord } from "./checkpoint.ts";

/** A part of an epoch that takes this much of it is worth a word about what would help. */
const worth = 0.2;

const advice = {
  waitSeconds: ["waiting for batches", "more `workers` would help, or a faster disk for the preprocessed data"],
  checkpointSeconds: ["writing checkpoints", "a faster disk for the results, or more `iterationsPerEpoch`, would help"],
  validationSeconds: ["the validation", "fewer `validationIterations` would help"],
} as const;

export interface Bottleneck {
  readonly kind: "stepSeconds" | keyof typeof advice;
  /** One sentence. */
  readonly text: string;
}

/**
 * Which part of an epoch keeps it from being faster: what the step waits for, where that is a fifth of the epoch or more, or
 * else the step itself.
 *
 * @example bottleneck(record).text; // "the bottleneck is waiting for batches, 62 % of the epoch; more `workers` would help, …"
 */
export function bottleneck(
  record: Pick<EpochRecord, "stepSeconds" | "waitSeconds" | "validationSeconds" | "checkpointSeconds">,
): Bottleneck {
  const { stepSeconds = 0, waitSeconds = 0, validationSeconds = 0, checkpointSeconds = 0 } = record;
  const total = stepSeconds + waitSeconds + validationSeconds + checkpointSeconds;
  const share = (seconds: number) => `${Math.round((100 * seconds) / total)} % of the epoch`;
  const parts = { waitSeconds, checkpointSeconds, validationSeconds };
  // a fifth of the steps again is what a validation is meant to take, so it counts where it is more than half
  const bound = { waitSeconds: worth, checkpointSeconds: worth, validationSeconds: 0.5 };
  const found = (Object.keys(advice) as (keyof typeof advice)[])
    .filter((kind) => parts[kind] > bound[kind] * total)
    .sort((a, b) => parts[b] - parts[a])[0];
  if (found === undefined) {
    return { kind: "stepSeconds", text: `the bottleneck is the training step, ${share(stepSeconds)}` };
  }
  const [what, helps] = advice[found];
  return { kind: found, text: `the bottleneck is ${what}, ${share(parts[found])}; ${helps}` };
}
