/**
 * How often each intensity occurs: exact while there are few different values, coarser when there are many.
 *
 * A value's key is its float32 bit pattern, rearranged so that keys sort as the values do, without its lowest `shift`
 * bits. `shift` is the smallest with which at most {@link maximumBins} keys remain, so it depends on the values alone,
 * and merging in any order and grouping gives the same histogram. Plain data: it can be posted between workers.
 */
export interface IntensityHistogram {
  /** 0: exact. Otherwise a value is known to within 2^(shift − 24) of itself. */
  readonly shift: number;
  /** Ascending, all different. */
  readonly keys: Uint32Array;
  /** Same length as `keys`; float64 holds counts beyond 2^32. */
  readonly counts: Float64Array;
}

/**
 * Bins of a histogram: 3 MiB per channel whatever the size of the dataset. Integer images of up to 18 bits stay exact.
 * 2^18 keys always suffice for a shift of 14, so the relative error of a value is at most 2^−10.
 */
export const maximumBins = 2 ** 18;

export const emptyHistogram: IntensityHistogram = {
  shift: 0,
  keys: new Uint32Array(0),
  counts: new Float64Array(0),
};

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** @param pattern - the bits of a float32; those of −0 give the key of 0 */
function keyOf(pattern: number): number {
  if (pattern === 0x80000000) return pattern;
  return pattern & 0x80000000 ? ~pattern >>> 0 : (pattern | 0x80000000) >>> 0;
}

function valueOfKey(key: number): number {
  bits[0] = key & 0x80000000 ? key & 0x7fffffff : ~key;
  return float[0]!;
}

/**
 * The histogram of finite float32 values, in any order.
 *
 * @param weights - how often each value counts; once if not given. Those that count 0 times are not there
 */
export function intensityHistogram(values: Float32Array, weights?: ArrayLike<number>): IntensityHistogram {
  const patterns = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bins = new Bins(values.length);
  for (let i = 0; i < patterns.length; i++) {
    const weight = weights ? weights[i]! : 1;
    if (weight > 0) bins.add(keyOf(patterns[i]!), weight);
  }
  return bins.histogram();
}

/** Counts by key, in a table that does not grow: beyond {@link maximumBins} keys it drops their lowest bit. */
class Bins {
  #shift = 0;
  #size = 0;
  readonly #mask: number;
  #keys: Uint32Array;
  /** 0: the slot is free. */
  #counts: Float64Array;

  constructor(mostValues: number) {
    const slots = 2 ** Math.ceil(Math.log2(2 * Math.min(Math.max(mostValues, 1), maximumBins + 1)));
    this.#mask = slots - 1;
    this.#keys = new Uint32Array(slots);
    this.#counts = new Float64Array(slots);
  }

  add(key: number, weight: number): void {
    this.#count(key >>> this.#shift, weight);
    while (this.#size > maximumBins) this.#coarsen();
  }

  histogram(): IntensityHistogram {
    const slots: number[] = [];
    for (let slot = 0; slot < this.#counts.length; slot++) if (this.#counts[slot]! > 0) slots.push(slot);
    // key and slot in one number: typed arrays sort fast only without a comparison function
    const sorted = Float64Array.from(slots, (slot) => this.#keys[slot]! * this.#counts.length + slot).sort();
    const order = Uint32Array.from(sorted, (each) => each % this.#counts.length);
    return {
      shift: this.#shift,
      keys: Uint32Array.from(order, (slot) => this.#keys[slot]!),
      counts: Float64Array.from(order, (slot) => this.#counts[slot]!),
    };
  }

  #count(key: number, weight: number): void {
    let slot = Math.imul(key, 0x9e3779b1) >>> 8;
    for (slot &= this.#mask; this.#counts[slot]! > 0; slot = (slot + 1) & this.#mask) {
      if (this.#keys[slot] !== key) continue;
      this.#counts[slot]! += weight;
      return;
    }
    this.#keys[slot] = key;
    this.#counts[slot] = weight;
    this.#size++;
  }

  #coarsen(): void {
    const [keys, counts] = [this.#keys, this.#counts];
    this.#keys = new Uint32Array(keys.length);
    this.#counts = new Float64Array(counts.length);
    this.#size = 0;
    this.#shift++;
    for (let slot = 0; slot < keys.length; slot++) if (counts[slot]! > 0) this.#count(keys[slot]! >>> 1, counts[slot]!);
  }
}

/** The histogram of both sets of values together. */
export function mergeHistograms(a: IntensityHistogram, b: IntensityHistogram): IntensityHistogram {
  if (a.keys.length === 0) return b;
  if (b.keys.length === 0) return a;
  const shift = Math.max(a.shift, b.shift);
  const [left, right] = [withShift(a, shift), withShift(b, shift)];
  const keys = new Uint32Array(left.keys.length + right.keys.length);
  const counts = new Float64Array(keys.length);
  let bins = 0;
  for (let i = 0, j = 0; i < left.keys.length || j < right.keys.length; bins++) {
    const fromLeft = j === right.keys.length || (i < left.keys.length && left.keys[i]! <= right.keys[j]!);
    const fromRight = i === left.keys.length || (j < right.keys.length && right.keys[j]! <= left.keys[i]!);
    keys[bins] = fromLeft ? left.keys[i]! : right.keys[j]!;
    counts[bins] = (fromLeft ? left.counts[i++]! : 0) + (fromRight ? right.counts[j++]! : 0);
  }
  return coarsened({ shift, keys: keys.slice(0, bins), counts: counts.slice(0, bins) });
}

function coarsened(histogram: IntensityHistogram): IntensityHistogram {
  let result = histogram;
  while (result.keys.length > maximumBins) result = withShift(result, result.shift + 1);
  return result;
}

function withShift(histogram: IntensityHistogram, shift: number): IntensityHistogram {
  const drop = shift - histogram.shift;
  if (drop === 0) return histogram;
  const keys = new Uint32Array(histogram.keys.length);
  const counts = new Float64Array(histogram.keys.length);
  let bins = 0;
  for (let i = 0; i < histogram.keys.length; i++) {
    const key = histogram.keys[i]! >>> drop;
    if (bins === 0 || keys[bins - 1] !== key) keys[bins++] = key;
    counts[bins - 1]! += histogram.counts[i]!;
  }
  return { shift, keys: keys.slice(0, bins), counts: counts.slice(0, bins) };
}

/**
 * A percentile with NumPy's linear interpolation between the two nearest values.
 *
 * Exact while the histogram is; otherwise to within 2^(shift − 24) of the value.
 *
 * @param percent - 0 to 100
 * @example percentile(intensityHistogram(Float32Array.of(1, 2, 3, 4)), 50); // 2.5
 */
export function percentile(histogram: IntensityHistogram, percent: number): number {
  const { counts } = histogram;
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i]!;
  if (total === 0) return Number.NaN;
  const position = (percent / 100) * (total - 1);
  const lowerRank = Math.floor(position);
  const fraction = position - lowerRank;
  let bin = 0;
  let upTo = counts[0]!;
  while (upTo <= lowerRank) upTo += counts[++bin]!;
  const lower = binValue(histogram, bin);
  if (fraction === 0) return lower;
  const upper = upTo > lowerRank + 1 ? lower : binValue(histogram, bin + 1);
  // NumPy's form, which is exact at both ends
  return fraction < 0.5 ? lower + (upper - lower) * fraction : upper - (upper - lower) * (1 - fraction);
}

/** The value in the middle of a bin; the value itself if the histogram is exact. */
function binValue({ shift, keys }: IntensityHistogram, bin: number): number {
  const first = keys[bin]! * 2 ** shift;
  return shift === 0 ? valueOfKey(first) : valueOfKey(first + 2 ** (shift - 1));
}
