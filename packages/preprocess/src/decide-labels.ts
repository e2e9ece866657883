import { InvalidArgumentError, type Shape3 } from "@nnunet/core";
import { type LinearTaps, linearTaps } from "@nnunet/kernels";
import type { ScoreSource, ScoreWindow } from "./score-source.ts";
import { type Tile, TileSampler, tilesAlong } from "./tile-sampler.ts";

/** Voxels of a block of scores whose extremes are known, [z, y, x]. */
const BLOCK: Shape3 = [8, 8, 16];
/** Planes of scores that the decision of a block needs at most: its own, and one to interpolate with. */
export const planesOfDecision = BLOCK[0] + 1;

/** How scores become labels: the highest channel, or every region above a threshold, later ones over earlier ones. */
export type DecisionRule =
  | { readonly kind: "highest" }
  | { readonly kind: "regions"; readonly threshold: number; readonly labels: readonly number[] };

/** Receives `count` labels of the row [k, j] from voxel i on; they start at `labels[first]`. */
export type EmitLabels = (k: number, j: number, i: number, labels: Int16Array, first: number, count: number) => void;

/** How the scores get to the other grid: 0 is nearest, 1 linear. */
export interface ScoreOrders {
  /** The axis across the slices: 0 (z), 1 (y) or 2 (x). */
  readonly across: number;
  readonly acrossOrder: 0 | 1;
  readonly planeOrder: 0 | 1;
}

/**
 * The labels on another grid, plane by plane as the scores become final, without resampling what cannot matter.
 *
 * Linear interpolation never leaves the range of the samples it mixes. So from the extremes of each channel over small
 * blocks of the scores it is known, for a tile of the target grid, which channels can win somewhere in it; mostly that
 * is one, and the tile is decided. Elsewhere those few channels are interpolated with the operations of `resampleImage`
 * in its order, so that the labels are bit by bit those of resampling every channel as a whole. A tile needs at most
 * nine planes of the scores. Memory: the extremes of nine planes (1/512 of them) and one tile, however many channels
 * there are.
 */
export class LabelDecider {
  readonly #depth: number;
  readonly #sampler: TileSampler;
  readonly #zTiles: readonly Tile[];
  readonly #yTiles: readonly Tile[];
  readonly #xTiles: readonly Tile[];
  readonly #rule: DecisionRule;
  readonly #emit: EmitLabels;
  readonly #best: Float32Array;
  readonly #decided: Int16Array;
  #next = 0; // of the tiles along z

  /**
   * @param from - of the scores, [z, y, x]
   * @param target - wanted [z, y, x]
   */
  constructor(from: Shape3, target: Shape3, orders: ScoreOrders, rule: DecisionRule, emit: EmitLabels) {
    const { across, acrossOrder, planeOrder } = orders;
    const taps = from.map((n, a) => linearTaps(n, target[a]!, a === across ? acrossOrder : planeOrder));
    const [z, y, x] = taps as [LinearTaps, LinearTaps, LinearTaps];
    this.#depth = from[0];
    this.#sampler = new TileSampler(from, [z, y, x], across);
    const [zTiles, yTiles, xTiles] = taps.map((t, a) => tilesAlong(t, BLOCK[a]!)) as [Tile[], Tile[], Tile[]];
    [this.#zTiles, this.#yTiles, this.#xTiles] = [zTiles, yTiles, xTiles];
    const longest = (tiles: readonly Tile[]) => Math.max(...tiles.map(({ first, end }) => end - first));
    const largest = longest(zTiles) * longest(yTiles) * longest(xTiles);
    this.#rule = rule;
    this.#emit = emit;
    this.#best = new Float32Array(largest);
    this.#decided = new Int16Array(largest);
  }

  /** The first plane of the scores that is still needed once those below `end` are final and decided upon. */
  neededAfter(end: number): number {
    return this.#zTiles.find(({ high }) => high >= end)?.low ?? this.#depth;
  }

  /**
   * Decides every tile that needs no plane of the scores from `end` on.
   *
   * @throws {InvalidArgumentError} if a score is NaN or infinite
   */
  decide(scores: ScoreSource, end: number): void {
    for (let z = this.#zTiles[this.#next]; z && z.high < end; z = this.#zTiles[++this.#next]) {
      let first = 0; // of the tiles along y
      for (const stripEnd of scores.stripEnds) {
        let past = first;
        while (past < this.#yTiles.length && this.#yTiles[past]!.high < stripEnd) past++;
        if (past > first) this.#decideStrip(scores, z, this.#yTiles.slice(first, past));
        first = past;
      }
    }
  }

  #decideStrip(scores: ScoreSource, z: Tile, yTiles: readonly Tile[]): void {
    const [channels] = scores.shape;
    const [y0, y1] = [yTiles[0]!.low, yTiles.at(-1)!.high + 1];
    const window = scores.window(z.low, z.high + 1, y0, y1);
    const extremes = blockExtremes(window, scores.shape[3], channels, [z.low, z.high + 1], [y0, y1]);
    const best = this.#best;
    const decided = this.#decided;
    const rule = this.#rule;
    const candidates: number[] = [];
    for (const y of yTiles) {
      for (const x of this.#xTiles) {
        const width = x.end - x.first;
        const count = (z.end - z.first) * (y.end - y.first) * width;
        decided.fill(undisputed(extremes, channels, y, x, rule, candidates), 0, count);
        if (rule.kind === "highest") {
          candidates.forEach((channel, turn) => {
            const values = this.#sampler.sample(window, channel, z, y, x);
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
            const values = this.#sampler.sample(window, region, z, y, x);
            for (let i = 0; i < count; i++) if (values[i]! > rule.threshold) decided[i] = rule.labels[region]!;
          }
        }
        let first = 0;
        for (let k = z.first; k < z.end; k++) {
          for (let j = y.first; j < y.end; j++, first += width) this.#emit(k, j, x.first, decided, first, width);
        }
      }
    }
  }
}

/** Of each channel over blocks of lines and columns, all planes of a window together. */
interface Extremes {
  readonly lowest: Float32Array;
  readonly highest: Float32Array;
  /** Number of the first block along y. */
  readonly firstRow: number;
  /** Blocks along y and x. */
  readonly count: readonly [y: number, x: number];
}

function blockExtremes(
  { data, channelStep, planeStep, planes, firstLine }: ScoreWindow,
  width: number,
  channels: number,
  [z0, z1]: readonly [number, number],
  [y0, y1]: readonly [number, number],
): Extremes {
  const firstRow = Math.floor(y0 / BLOCK[1]);
  const count = [Math.floor((y1 - 1) / BLOCK[1]) - firstRow + 1, Math.ceil(width / BLOCK[2])] as const;
  const lowest = new Float32Array(channels * count[0] * count[1]).fill(Infinity);
  const highest = new Float32Array(lowest.length).fill(-Infinity);
  for (let c = 0; c < channels; c++) {
    for (let z = z0; z < z1; z++) {
      for (let y = y0; y < y1; y++) {
        let block = (c * count[0] + Math.floor(y / BLOCK[1]) - firstRow) * count[1];
        let i = c * channelStep + (z % planes) * planeStep + (y - firstLine) * width;
        const stop = i + width;
        while (i < stop) {
          const end = Math.min(i + BLOCK[2], stop);
          let low = lowest[block]!;
          let high = highest[block]!;
          let sum = 0;
          for (; i < end; i++) {
            const v = data[i]!;
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
  return { lowest, highest, firstRow, count };
}

/**
 * What the extremes alone decide about a tile: the label wherever no candidate says otherwise; fills `candidates` with
 * the channels that must be looked at, ascending.
 */
function undisputed(
  { lowest, highest, firstRow, count }: Extremes,
  channels: number,
  y: Tile,
  x: Tile,
  rule: DecisionRule,
  candidates: number[],
): number {
  const [y0, y1] = [Math.floor(y.low / BLOCK[1]) - firstRow, Math.floor(y.high / BLOCK[1]) - firstRow];
  const [x0, x1] = [Math.floor(x.low / BLOCK[2]), Math.floor(x.high / BLOCK[2])];
  const range = (channel: number, extreme: Float32Array, start: number, pick: (a: number, b: number) => number) => {
    let value = start;
    for (let by = y0; by <= y1; by++) {
      const row = (channel * count[0] + by) * count[1];
      for (let bx = x0; bx <= x1; bx++) value = pick(value, extreme[row + bx]!);
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
