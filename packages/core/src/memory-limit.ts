import { InvalidArgumentError, LimitError } from "./errors.ts";

/*
 * One idea of memory: what a step will hold at its peak is known from shapes alone, before anything is read; more than
 * the limit is refused there and then, with the numbers.
 */

/** `gigabytes(2.4e8)` → "0.24 GB"; `gigabytes(1.3e11)` → "130 GB"; what would round to little or nothing: "4.2 MB" */
export function gigabytes(bytes: number): string {
  const value = bytes / 1e9;
  if (value < 0.01) return `${Number((bytes / 1e6).toPrecision(2))} MB`;
  return `${value >= 100 ? Math.round(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2)} GB`;
}

/** Whether a runtime's error, or its last words, say that memory ended: onnxruntime's providers, TensorFlow, the C++ library, V8. */
export function isOutOfMemory(reason: string): boolean {
  return /bad_alloc|bad allocation|failed to allocate|out of memory|OOM when allocating|process OOM|allocation failed/i.test(
    reason,
  );
}

/** Where a limit of memory comes from. */
export interface MemoryLimit {
  readonly bytes: number;
  /** Said by the user; otherwise what is free at the moment. */
  readonly chosen: boolean;
}

/**
 * @param maxMemoryGb - the user's choice
 * @param free - bytes that are free, where that is known
 * @throws {InvalidArgumentError} if the choice is no positive number
 */
export function memoryLimit(maxMemoryGb: number | undefined, free = Number.POSITIVE_INFINITY): MemoryLimit {
  if (maxMemoryGb !== undefined && !(maxMemoryGb > 0)) {
    throw new InvalidArgumentError("maxMemoryGb", "a positive number of GB", maxMemoryGb);
  }
  return maxMemoryGb === undefined ? { bytes: free, chosen: false } : { bytes: maxMemoryGb * 1e9, chosen: true };
}

/**
 * @param subject - what would be done: "predicting case liver_3 (resampled to 900 × 900 × 1200 voxels)"
 * @param bytes - at its peak
 * @param hint - what else would help; more memory and `maxMemoryGb` are added
 * @throws {LimitError} if that is beyond the limit
 */
export function refuseBeyondMemory(
  subject: string,
  bytes: number,
  { bytes: limit, chosen }: MemoryLimit,
  hint: string,
): void {
  if (bytes <= limit) return;
  const allowed = chosen ? `the limit is ${gigabytes(limit)}` : `only ${gigabytes(limit)} are free`;
  const more = `${chosen ? "allow more" : "try all the same"} with \`maxMemoryGb\` ${Math.ceil(bytes / 1e8) / 10}`;
  throw new LimitError(subject, `about ${gigabytes(bytes)} of memory`, allowed, `${hint}, or ${more}`);
}
