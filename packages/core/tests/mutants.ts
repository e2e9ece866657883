import { createRandom, isNnunetError, type RandomGenerator } from "@nnunet/core";

/** How many times as many mutants: 1 in the fast lane. */
const scale = Number(process.env["NNUNET_FUZZ"] ?? 1);
/** For `jest.setTimeout`: a million mutants take their time. */
export const fuzzTimeout = 120_000 * Math.max(1, scale);
const bytesThatMatter = [0, 1, 0x08, 0x0a, 0x22, 0x2d, 0x30, 0x39, 0x5b, 0x7f, 0x80, 0xff];

/** One to four changes: bits, bytes, cuts, insertions, repetitions and swaps, half of them in the first `head` bytes. */
export function mutate(bytes: Uint8Array, random: RandomGenerator, head: number): Uint8Array {
  let mutant = Buffer.from(bytes);
  for (let n = random.integer(1, 5); n > 0 && mutant.length > 0; n--) {
    const at = random.integer(0, random.uniform() < 0.5 ? Math.min(head, mutant.length) : mutant.length);
    const length = random.integer(1, 9);
    const before = mutant.subarray(0, at);
    const kind = random.integer(0, 7);
    if (kind === 0) mutant[at]! ^= 1 << random.integer(0, 8);
    else if (kind === 1) mutant[at] = bytesThatMatter[random.integer(0, bytesThatMatter.length)]!;
    else if (kind === 2) mutant = Buffer.concat([before, mutant.subarray(at + length)]);
    else if (kind === 3)
      mutant = Buffer.concat([before, Buffer.alloc(length, random.integer(0, 256)), mutant.subarray(at)]);
    else if (kind === 4) mutant = Buffer.concat([mutant.subarray(0, at + 8 * length), mutant.subarray(at)]);
    else if (kind === 5) mutant.copy(mutant, at, random.integer(0, mutant.length));
    else mutant = Buffer.from(before);
  }
  return mutant;
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
