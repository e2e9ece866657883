import { runVoxelSteps } from "./voxel-simd.ts";

/** Where the bases of a power come from and its results go: base = |v − origin| · inverse, result · extent + origin. */
export interface PowerRange {
  readonly origin: number;
  readonly inverse: number;
  readonly extent: number;
  /** Results are limited to [low, high]. */
  readonly low: number;
  readonly high: number;
}

const { fround } = Math;
const LOG = [2.885390072752168, 0.9618007592101737, 0.5765845414507536, 0.4342559403162013].map(fround);
const EXP = [
  0.693147202855118, 0.24022647913573916, 0.05550332471007652, 0.009618437362935092, 0.001339887445607282,
  0.00015353360679830783,
].map(fround);
/** √½, as the bits of a float32. */
const OFFSET = 0x3f3504f3;
/** Added to 1.5 · 2²³ a number is rounded to an integer, which is then in the low bits. */
const MAGIC = 12582912;

/**
 * `** gamma` of voxels whose base is in [0, 1], to a relative error below 1.6e-7 for powers up to 2.
 *
 * base = m · 2^e with m in [√½, √2): log₂ m is an odd polynomial of (m − 1)/(m + 1), and 2^(fraction of the product) a
 * polynomial. All of it is float32 addition, multiplication and division, so every machine and engine gives the same
 * bits, which `Math.pow` does not promise.
 *
 * @param out - written; may be `channel` itself
 */
export function raiseVoxels(
  channel: Float32Array,
  gamma: number,
  range: PowerRange,
  out: Float32Array,
  simd: boolean,
): void {
  // coarse has 12 bits, so that its product with an exponent is exact; fine is the rest.
  word[0] = gamma;
  bits[0]! &= ~0xfff;
  const coarse = word[0]!;
  const fine = fround(gamma - coarse);
  const tiny = gamma <= 1 ? 2 ** -126 : 2 ** Math.ceil(-126 / gamma);
  const { origin, inverse, extent, low, high } = range;
  if (
    simd &&
    runVoxelSteps(channel, out, (wasm, src, dst, n) =>
      wasm.power(src, dst, n, origin, inverse, coarse, fine, gamma, tiny, extent, low, high),
    )
  ) {
    return;
  }
  const [origin32, inverse32, gamma32, extent32] = [origin, inverse, gamma, extent].map(fround) as [
    number,
    number,
    number,
    number,
  ];
  for (let i = 0; i < channel.length; i++) {
    const base = Math.abs(fround(fround(channel[i]! - origin32) * inverse32));
    const power = base >= tiny ? powerOf(base, coarse, fine, gamma32) : 0;
    let v = fround(fround(power * extent32) + origin32);
    if (v < low) v = low;
    if (v > high) v = high;
    out[i] = v;
  }
}

const word = new Float32Array(1);
const bits = new Int32Array(word.buffer);
const [L1, L3, L5, L7] = LOG as [number, number, number, number];
const [E1, E2, E3, E4, E5, E6] = EXP as [number, number, number, number, number, number];

function powerOf(base: number, coarse: number, fine: number, gamma: number): number {
  word[0] = base;
  const shifted = (bits[0]! + (0x3f800000 - OFFSET)) | 0;
  const exponent = (shifted >>> 23) - 127;
  bits[0] = (shifted & 0x7fffff) + OFFSET;
  const m = word[0]!;
  const s = fround(fround(m - 1) / fround(m + 1));
  const q = fround(s * s);
  let l = fround(fround(L7 * q) + L5);
  l = fround(fround(l * q) + L3);
  l = fround(fround(l * q) + L1);
  l = fround(l * s);
  const whole = fround(coarse * exponent);
  const rest = fround(fround(fine * exponent) + fround(gamma * l));
  const rounded = fround(fround(whole + rest) + MAGIC);
  const f = fround(fround(whole - fround(rounded - MAGIC)) + rest);
  let e = fround(fround(E6 * f) + E5);
  e = fround(fround(e * f) + E4);
  e = fround(fround(e * f) + E3);
  e = fround(fround(e * f) + E2);
  e = fround(fround(e * f) + E1);
  e = fround(fround(e * f) + 1);
  word[0] = rounded;
  const shift = bits[0]! << 23;
  word[0] = e;
  bits[0] = (bits[0]! + shift) | 0;
  return word[0]!;
}
