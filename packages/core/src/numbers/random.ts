import { InvalidArgumentError } from "../errors.ts";

/** A seeded source of random numbers. The same seed and keys give the same stream on every machine. */
export interface RandomGenerator {
  /** Uniform in [low, high); [0, 1) by default. 53 random bits. */
  uniform(low?: number, high?: number): number;
  /** A uniform integer in [low, high), both integers, high > low. */
  integer(low: number, high: number): number;
  /** Normal with the given mean and standard deviation. */
  normal(mean?: number, standardDeviation?: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** Shuffles in place (Fisher–Yates) and returns the array. */
  shuffle<T>(items: T[]): T[];
}

const GOLDEN = 0x9e3779b9;

/**
 * A generator keyed by a seed and any number of integers or strings, so that each (epoch, iteration, sample) has its
 * own independent stream, no matter which worker draws it. The algorithm is xoshiro128** (Blackman & Vigna 2018),
 * seeded by mixing the keys with the 32-bit finaliser of MurmurHash3.
 *
 * @example createRandom(0, "augment", 3, 17).uniform(); // the same number in every process
 */
export function createRandom(seed: number, ...keys: readonly (number | string)[]): RandomGenerator {
  if (!Number.isSafeInteger(seed)) throw new InvalidArgumentError("seed", "an integer", seed);
  let h = mix(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
  for (const key of keys) {
    if (typeof key === "number") {
      if (!Number.isSafeInteger(key)) throw new InvalidArgumentError("keys", "integers or strings", key);
      h = mix(mix(h, key >>> 0), Math.floor(key / 2 ** 32) >>> 0);
    } else {
      for (let i = 0; i < key.length; i++) h = mix(h, key.charCodeAt(i));
      h = mix(h, key.length ^ 0x5bd1e995);
    }
  }
  let a = mix(h, 1);
  let b = mix(h, 2);
  let c = mix(h, 3);
  let d = mix(h, 4) | 1; // never the all-zero state

  const next = (): number => {
    let result = Math.imul(b, 5);
    result = Math.imul((result << 7) | (result >>> 25), 9) >>> 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };

  const unit = (): number => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;

  return {
    uniform: (low = 0, high = 1) => low + (high - low) * unit(),
    integer(low, high) {
      if (!(Number.isInteger(low) && Number.isInteger(high) && high > low)) {
        throw new InvalidArgumentError("range", "integers low < high", [low, high]);
      }
      return low + Math.floor(unit() * (high - low));
    },
    // Box–Muller, one of the pair; 1 − u is in (0, 1], so the logarithm is finite
    normal: (mean = 0, standardDeviation = 1) =>
      mean + standardDeviation * Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit()),
    chance: (probability) => unit() < probability,
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = Math.floor(unit() * (i + 1));
        const held = items[i]!;
        items[i] = items[j]!;
        items[j] = held;
      }
      return items;
    },
  };
}

function mix(h: number, k: number): number {
  h = (h ^ Math.imul(k + GOLDEN, 0xcc9e2d51)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
