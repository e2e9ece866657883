import type { RandomGenerator } from "@nnunet/core";
import type { SimdOption } from "./intensity.ts";
import { runVoxelSteps } from "./voxel-simd.ts";

/**
 * Adds independent normal noise to every voxel (paper, Supplement D, step 2).
 *
 * @param standardDeviation - of the noise, in units of the image
 * @param random - gives the seed of the noise; one draw, however long the channel
 * @param out - written and returned; may be `channel` itself
 */
export function addGaussianNoise(
  channel: Float32Array,
  standardDeviation: number,
  random: RandomGenerator,
  out: Float32Array = new Float32Array(channel.length),
  { simd = true }: SimdOption = {},
): Float32Array {
  const state = noiseState(random.integer(0, 2 ** 32));
  if (
    simd &&
    runVoxelSteps(
      channel,
      out,
      (wasm, src, dst, n) => wasm.noise(src, dst, n, standardDeviation, STATE, TABLES),
      (memory) => writeTables(memory, state),
    )
  ) {
    return out;
  }
  const next = normalStream(state);
  for (let i = 0; i < channel.length; i++) out[i] = channel[i]! + standardDeviation * next();
  return out;
}

/*
 * The ziggurat of Marsaglia & Tsang 2000 with 128 layers, on xoshiro128++ (Blackman & Vigna 2018). Layer and value
 * come from different bits. Some 10 ns a value, where Box–Muller on 53-bit uniforms takes 60;
 * 3 ns in WebAssembly.
 */
const TAIL = 3.442619855899;
const AREA = 9.91256303526217e-3;
const edges = new Float64Array(129);
const heights = new Float64Array(129);
const ratios = new Float64Array(128);
{
  const density = (x: number) => Math.exp(-0.5 * x * x);
  edges[0] = AREA / density(TAIL);
  edges[1] = TAIL;
  for (let i = 2; i < 128; i++) edges[i] = Math.sqrt(-2 * Math.log(AREA / edges[i - 1]! + density(edges[i - 1]!)));
  edges[128] = 0;
  for (let i = 0; i <= 128; i++) heights[i] = density(edges[i]!);
  for (let i = 0; i < 128; i++) ratios[i] = edges[i + 1]! / edges[i]!;
}

/** Where the SIMD module finds the generator's four words and the tables. */
const STATE = 256;
const TABLES = 1024;

/** As tools/wasm/voxel-steps.as reads them; values are compared as integers before they are scaled. */
function writeTables(memory: ArrayBuffer, state: Int32Array): void {
  new Int32Array(memory, STATE, 4).set(state);
  new Float64Array(memory, TABLES, 128).set(edges.subarray(0, 128).map((edge) => edge / 16777216));
  new Int32Array(memory, TABLES + 1024, 128).set(ratios.map((ratio) => Math.ceil(ratio * 16777216)));
  new Float64Array(memory, TABLES + 1536, 129).set(heights);
  new Float64Array(memory, TABLES + 3200, 1)[0] = TAIL;
}

/** Four words of a 32-bit seed by splitmix32. */
function noiseState(seed: number): Int32Array {
  const words = Int32Array.from({ length: 4 }, () => {
    seed = (seed + 0x9e3779b9) | 0;
    let z = seed;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  });
  words[3]! |= 1; // never the all-zero state
  return words;
}

/** An endless stream of standard normal values. */
function normalStream(state: Int32Array): () => number {
  let [a, b, c, d] = state as unknown as [number, number, number, number];
  const bits = (): number => {
    const sum = (a + d) | 0;
    const result = (((sum << 7) | (sum >>> 25)) + a) | 0;
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  const unit = () => ((bits() >>> 0) + 0.5) / 4294967296;
  return () => {
    for (;;) {
      const word = bits();
      const layer = word & 127;
      const u = (word >> 7) / 16777216; // 25 signed bits: [−1, 1)
      const x = u * edges[layer]!;
      if (Math.abs(u) < ratios[layer]!) return x;
      if (layer === 0) {
        for (;;) {
          const far = -Math.log(unit()) / TAIL;
          if (-2 * Math.log(unit()) > far * far) return u > 0 ? TAIL + far : -TAIL - far;
        }
      }
      if (heights[layer]! + unit() * (heights[layer + 1]! - heights[layer]!) < Math.exp(-0.5 * x * x)) return x;
    }
  };
}
