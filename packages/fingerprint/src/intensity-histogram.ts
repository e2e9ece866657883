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

function keyOf(value: number): number {
  float[0] = value + 0; // −0 becomes 0
  const pattern = bits[0]!;
  return pattern & 0x80000000 ? ~pattern >>> 0 : (pattern | 0x80000000) >>> 0;
}

function valueOfKey(key: number): number {
  bits[0] = key & 0x80000000 ? key & 0x7fffffff : ~key;
  return float[0]!;
}

/** The histogram of finite float32 values, in any order. */
export function intensityHistogram(values: Float32Array): IntensityHistogram {
  if (values.length === 0) return emptyHistogram;
  const sorted = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) sorted[i] = keyOf(values[i]!);
  sorted.sort();
  let bins = 1;
  for (let i = 1; i < sorted.length; i++) if (sorted[i] !== sorted[i - 1]) bins++;
  const keys = new Uint32Array(bins);
  const counts = new Float64Array(bins);
  for (let i = 0, bin = -1; i < sorted.length; i++) {
    if (i === 0 || sorted[i] !== sorted[i - 1]) keys[++bin] = sorted[i]!;
    counts[bin]!++;
  }
  return coarsened({ shift: 0, keys, counts });
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
