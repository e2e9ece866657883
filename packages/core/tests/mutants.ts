import { createRandom, isNnunetError, type RandomGenerator } from "@nnunet/core";
import { mutateBytes } from "../../../tools/fuzz/mutate.mjs";

/** How many times as many mutants: 1 in the fast lane. */
export const scale = Number(process.env["NNUNET_FUZZ"] ?? 1);
/** For `jest.setTimeout`: a million mutants take their time. */
export const fuzzTimeout = 120_000 * Math.max(1, scale);

/** A mutant of a file; half of its one to four changes fall into the first `head` bytes. */
export function mutate(bytes: Uint8Array, random: RandomGenerator, head: number): Buffer {
  return mutateBytes(bytes, () => random.uniform(), head);
}

/**
 * Hands mutants to `read`, one after the other. Each must be read or refused with one of our errors, and none may take
 * long or memory.
 *
 * @returns how many were read
 */
export async function fuzz(
  seed: number,
  count: number,
  mutant: (random: RandomGenerator) => Uint8Array,
  read: (bytes: Uint8Array) => unknown,
): Promise<number> {
  let done = 0;
  const memory = process.memoryUsage().rss;
  for (let i = 0; i < count * scale; i++) {
    const bytes = mutant(createRandom(seed, i));
    const started = performance.now();
    try {
      await read(bytes);
      done++;
    } catch (error) {
      if (!isNnunetError(error))
        throw new Error(`mutant ${i} of seed ${seed}: ${(error as Error).stack}`, { cause: error });
    }
    const seconds = (performance.now() - started) / 1000;
    if (seconds > 20) throw new Error(`mutant ${i} of seed ${seed} took ${seconds} s`);
  }
  const grown = process.memoryUsage().rss - memory;
  if (grown > 500e6) throw new Error(`mutants of seed ${seed} took ${grown / 1e6} MB`);
  return done;
}
