import { InvalidArgumentError, type Shape3, type VolumeShape } from "@nnunet/core";
import { type LinearTaps, linearTaps } from "@nnunet/kernels";

/** Voxels of a block of scores whose extremes are known, [z, y, x]. */
const BLOCK: Shape3 = [8, 8, 16];

/** How scores become labels: the highest channel, or every region above a threshold, later ones over earlier ones. */
export type DecisionRule =
  | { readonly kind: "highest" }
  | { readonly kind: "regions"; readonly threshold: number; readonly labels: readonly number[] };

/** Receives `count` labels of the row [k, j] from voxel i on; they start at `labels[first]`. */
export type EmitLabels = (k: number, j: number, i: number, labels: Int16Array, first: number, count: number) => void;

/**
 * The labels on another grid, without resampling what cannot matter.
 *
 * Linear interpolation never leaves the range of the samples it mixes. So from the extremes of each channel over small
 * blocks of the scores it is known, for a tile of the target grid, which channels can win somewhere in it; mostly that
 * is one, and the tile is decided. Elsewhere those few channels are interpolated with the operations of `resampleImage`
 * in its order, so that the labels are bit by bit those of resampling every channel as a whole. Memory: the extremes
 * (1/512 of the scores) and one tile, however many channels there are.
 *
 * @param scores - [channel, z, y, x]
 * @param target - wanted [z, y, x]
 * @param orders - 0 (nearest) or 1 (linear), along z and in plane
 * @throws {InvalidArgumentError} if a score is NaN or infinite
 */
export function decideLabels(
  scores: Float32Array,
  shape: VolumeShape,
  target: Shape3,
  orders: { readonly z: 0 | 1; readonly plane: 0 | 1 },
  rule: DecisionRule,
  emit: EmitLabels,
): void {
  const [channels, ...from] = shape;
  const taps = [orders.z, orders.plane, orders.plane].map((order, a) => linearTaps(from[a]!, target[a]!, order));
  const [zTaps, yTaps, xTaps] = taps as [LinearTaps, LinearTaps, LinearTaps];
  const [zTiles, yTiles, xTiles] = taps.map((t, a) => tilesAlong(t, BLOCK[a]!)) as [Tile[], Tile[], Tile[]];
  const extremes = blockExtremes(scores, shape);
  const longest = (tiles: readonly Tile[]) => Math.max(...tiles.map(({ first, end }) => end - first));
  const largest = longest(zTiles) * longest(yTiles) * longest(xTiles);
  const best = new Float32Array(largest);
  const decided = new Int16Array(largest);
  const candidates: number[] = [];
  const work = new TileSampler(scores, from, zTaps, yTaps, xTaps);

  for (const z of zTiles) {
    for (const y of yTiles) {
      for (const x of xTiles) {
        const width = x.end - x.first;
        const count = (z.end - z.first) * (y.end - y.first) * width;
        decided.fill(undisputed(extremes, channels, z, y, x, rule, candidates), 0, count);
        if (rule.kind === "highest") {
          candidates.forEach((channel, turn) => {
            const values = work.sample(channel, z, y, x);
            for (let i = 0; i < count; i++) {
              // `>` leaves a tie with the lower channel, as NumPy's argmax does.
              if (turn === 0 || values[i]! > best[i]!) {
                best[i] = values[i]!;
                decided[i] = channel;
              }
            }
          });
        } else {
          for (const region of candidates) {
            const values = work.sample(region, z, y, x);
            for (let i = 0; i < count; i++) if (values[i]! > rule.threshold) decided[i] = rule.labels[region]!;
          }
        }
        let first = 0;
        for (let k = z.first; k < z.end; k++) {
          for (let j = y.first; j < y.end; j++, first += width) emit(k, j, x.first, decided, first, width);
        }
      }
    }
  }
}

/** Target voxels [first, end) of an axis, which mix only the samples [low, high]. */
interface Tile {
  readonly first: number;
  readonly end: number;
  readonly low: number;
  readonly high: number;
}

/** Cuts the target axis where the first sample enters another block. */
function tilesAlong({ index }: LinearTaps, block: number): Tile[] {
  const tiles: Tile[] = [];
  const count = index.length / 2;
  for (let first = 0, j = 1; j <= count; j++) {
    if (j < count && Math.floor(index[2 * j]! / block) === Math.floor(index[2 * first]! / block)) continue;
    tiles.push({ first, end: j, low: index[2 * first]!, high: index[2 * j - 1]! });
    first = j;
  }
  return tiles;
}

interface Extremes {
  readonly lowest: Float32Array;
  readonly highest: Float32Array;
  /** Blocks per axis. */
  readonly count: Shape3;
}

function blockExtremes(scores: Float32Array, [channels, depth, height, width]: VolumeShape): Extremes {
  const count: Shape3 = [Math.ceil(depth / BLOCK[0]), Math.ceil(height / BLOCK[1]), Math.ceil(width / BLOCK[2])];
  const lowest = new Float32Array(channels * count[0] * count[1] * count[2]).fill(Infinity);
  const highest = new Float32Array(lowest.length).fill(-Infinity);
  for (let c = 0, i = 0; c < channels; c++) {
    for (let z = 0; z < depth; z++) {
      for (let y = 0; y < height; y++) {
        let block = ((c * count[0] + Math.floor(z / BLOCK[0])) * count[1] + Math.floor(y / BLOCK[1])) * count[2];
        const stop = i + width;
        while (i < stop) {
          const end = Math.min(i + BLOCK[2], stop);
          let low = lowest[block]!;
          let high = highest[block]!;
          let sum = 0;
          for (; i < end; i++) {
            const v = scores[i]!;
            sum += v;
            if (v < low) low = v;
            if (v > high) high = v;
          }
          if (!Number.isFinite(sum)) {
            throw new InvalidArgumentError("scores", "finite numbers; the network has overflowed or was damaged", sum);
          }
          lowest[block] = low;
          highest[block++] = high;
        }
      }
    }
  }
  return { lowest, highest, count };
}

/**
 * What the extremes alone decide about a tile: the label wherever no candidate says otherwise; fills `candidates` with
 * the channels that must be looked at, ascending.
 */
function undisputed(
  { lowest, highest, count }: Extremes,
  channels: number,
  z: Tile,
  y: Tile,
  x: Tile,
  rule: DecisionRule,
  candidates: number[],
): number {
  const [z0, z1] = [Math.floor(z.low / BLOCK[0]), Math.floor(z.high / BLOCK[0])];
  const [y0, y1] = [Math.floor(y.low / BLOCK[1]), Math.floor(y.high / BLOCK[1])];
  const [x0, x1] = [Math.floor(x.low / BLOCK[2]), Math.floor(x.high / BLOCK[2])];
  const range = (channel: number, extreme: Float32Array, start: number, pick: (a: number, b: number) => number) => {
    let value = start;
    for (let bz = z0; bz <= z1; bz++) {
      for (let by = y0; by <= y1; by++) {
        const row = ((channel * count[0] + bz) * count[1] + by) * count[2];
        for (let bx = x0; bx <= x1; bx++) value = pick(value, extreme[row + bx]!);
      }
    }
    return value;
  };
  candidates.length = 0;
  if (rule.kind === "highest") {
    let sure = -Infinity; // some channel is at least this everywhere in the tile
    for (let c = 0; c < channels; c++) sure = Math.max(sure, range(c, lowest, Infinity, Math.min));
    for (let c = 0; c < channels; c++) if (range(c, highest, -Infinity, Math.max) >= sure) candidates.push(c);
    if (candidates.length > 1) return 0;
    return candidates.pop()!;
  }
  let label = 0;
  for (let c = 0; c < channels; c++) {
    if (range(c, lowest, Infinity, Math.min) > rule.threshold) {
      label = rule.labels[c]!;
      candidates.length = 0;
    } else if (range(c, highest, -Infinity, Math.max) > rule.threshold) candidates.push(c);
  }
  return label;
}

/** Interpolates one channel over one tile: each slice in plane first, then between slices, as `resampleImage` does. */
class TileSampler {
  readonly #scores: Float32Array;
  readonly #shape: readonly number[];
  readonly #z: LinearTaps;
  readonly #y: LinearTaps;
  readonly #x: LinearTaps;
  #slices = new Float32Array(0);
  #values = new Float32Array(0);
  #blend: Float64Array;

  constructor(scores: Float32Array, shape: readonly number[], z: LinearTaps, y: LinearTaps, x: LinearTaps) {
    this.#scores = scores;
    this.#shape = shape;
    this.#z = z;
    this.#y = y;
    this.#x = x;
    this.#blend = new Float64Array(shape[2]!);
  }

  /** [z, y, x] of the tile, at the start of a buffer that the next call overwrites. */
  sample(channel: number, z: Tile, y: Tile, x: Tile): Float32Array {
    const [depth, height, width] = this.#shape as [number, number, number];
    const rows = y.end - y.first;
    const columns = x.end - x.first;
    const slice = rows * columns;
    const sliceCount = z.high - z.low + 1;
    if (this.#slices.length < sliceCount * slice) this.#slices = new Float32Array(sliceCount * slice);
    if (this.#values.length < (z.end - z.first) * slice) this.#values = new Float32Array((z.end - z.first) * slice);
    const slices = this.#slices;
    const values = this.#values;
    const scores = this.#scores;
    const blend = this.#blend;
    const { index: xi, weights: xw } = this.#x;
    const { index: yi, weights: yw } = this.#y;
    const { index: zi, weights: zw } = this.#z;

    let o = 0;
    for (let s = z.low; s <= z.high; s++) {
      const base = (channel * depth + s) * height * width;
      for (let j = y.first; j < y.end; j++) {
        const upper = base + yi[2 * j]! * width;
        const lower = base + yi[2 * j + 1]! * width;
        const a = yw[2 * j]!;
        const b = yw[2 * j + 1]!;
        for (let i = x.low; i <= x.high; i++) blend[i] = a * scores[upper + i]! + b * scores[lower + i]!;
        for (let i = x.first; i < x.end; i++) {
          slices[o++] = xw[2 * i]! * blend[xi[2 * i]!]! + xw[2 * i + 1]! * blend[xi[2 * i + 1]!]!;
        }
      }
    }
    o = 0;
    for (let k = z.first; k < z.end; k++) {
      const front = (zi[2 * k]! - z.low) * slice;
      const back = (zi[2 * k + 1]! - z.low) * slice;
      const a = zw[2 * k]!;
      const b = zw[2 * k + 1]!;
      for (let i = 0; i < slice; i++) values[o++] = a * slices[front + i]! + b * slices[back + i]!;
    }
    return values;
  }
}
