export interface SeededRandom {
  next(): number;
  below(n: number): number;
  pick<T>(list: readonly T[]): T;
}
export function seededRandom(seed: number): SeededRandom;
export function mutateBytes(bytes: Uint8Array, next: () => number, head?: number): Buffer;
export function mutateJson(json: unknown, random: SeededRandom): unknown;
