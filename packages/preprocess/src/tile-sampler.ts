import type { Shape3 } from "@nnunet/core";
import type { LinearTaps } from "@nnunet/kernels";
import type { ScoreWindow } from "./score-source.ts";

/** Target voxels [first, end) of an axis, which mix only the samples [low, high]. */
export interface Tile {
  readonly first: number;
  readonly end: number;
  readonly low: number;
  readonly high: number;
}

/** Cuts the target axis where the first sample enters another block. */
export function tilesAlong({ index }: LinearTaps, block: number): Tile[] {
  const tiles: Tile[] = [];
  const count = index.length / 2;
  for (let first = 0, j = 1; j <= count; j++) {
    if (j < count && Math.floor(index[2 * j]! / block) === Math.floor(index[2 * first]! / block)) continue;
    tiles.push({ first, end: j, low: index[2 * first]!, high: index[2 * j - 1]! });
    first = j;
  }
  return tiles;
}

/**
 * Interpolates one channel over one tile: each slice in plane first, then between slices, with the operations of
 * `resampleImage` in its order. Slices are the planes along two axes, `across` is the third.
 */
export class TileSampler {
  readonly #width: number;
  readonly #taps: readonly [LinearTaps, LinearTaps, LinearTaps];
  readonly #across: number;
  #slices = new Float32Array(0);
  #values = new Float32Array(0);
  readonly #blend: Float64Array;

  constructor([, height, width]: Shape3, taps: readonly [LinearTaps, LinearTaps, LinearTaps], across: number) {
    this.#width = width;
    this.#taps = taps;
    this.#across = across;
    this.#blend = new Float64Array(Math.max(height, width));
  }

  /** [z, y, x] of the tile, at the start of a buffer that the next call overwrites. */
  sample(window: ScoreWindow, channel: number, z: Tile, y: Tile, x: Tile): Float32Array {
    const [depth, rows, columns] = [z.end - z.first, y.end - y.first, x.end - x.first];
    const slices = [z, y, x][this.#across]!;
    const slice = [rows * columns, depth * columns, depth * rows][this.#across]!;
    const length = (slices.high - slices.low + 1) * slice;
    if (this.#slices.length < length) this.#slices = new Float32Array(length);
    if (this.#values.length < depth * rows * columns) this.#values = new Float32Array(depth * rows * columns);
    const base = channel * window.channelStep - window.firstLine * this.#width;
    if (this.#across === 0) this.#slicesAcrossZ(window, base, z, y, x);
    else if (this.#across === 1) this.#slicesAcrossY(window, base, z, y, x);
    else this.#slicesAcrossX(window, base, z, y, x);
    this.#betweenSlices(slices, [depth, rows, columns]);
    return this.#values;
  }

  /** Slices [y, x]: two lines blended in float64, then two neighbours of the blend. */
  #slicesAcrossZ({ data, planeStep, planes }: ScoreWindow, base: number, z: Tile, y: Tile, x: Tile): void {
    const [, { index, weights }] = this.#taps;
    let o = 0;
    for (let s = z.low; s <= z.high; s++) {
      const plane = base + (s % planes) * planeStep;
      for (let j = y.first; j < y.end; j++) {
        const upper = plane + index[2 * j]! * this.#width;
        const lower = plane + index[2 * j + 1]! * this.#width;
        this.#blendLines(data, upper, lower, weights[2 * j]!, weights[2 * j + 1]!, x);
        o = this.#alongX(x, o);
      }
    }
  }

  /** Slices [z, x]. */
  #slicesAcrossY({ data, planeStep, planes }: ScoreWindow, base: number, z: Tile, y: Tile, x: Tile): void {
    const [{ index, weights }] = this.#taps;
    let o = 0;
    for (let s = y.low; s <= y.high; s++) {
      const line = base + s * this.#width;
      for (let k = z.first; k < z.end; k++) {
        const upper = line + (index[2 * k]! % planes) * planeStep;
        const lower = line + (index[2 * k + 1]! % planes) * planeStep;
        this.#blendLines(data, upper, lower, weights[2 * k]!, weights[2 * k + 1]!, x);
        o = this.#alongX(x, o);
      }
    }
  }

  /** Slices [z, y]. */
  #slicesAcrossX({ data, planeStep, planes }: ScoreWindow, base: number, z: Tile, y: Tile, x: Tile): void {
    const [zTaps, { index, weights }] = this.#taps;
    const blend = this.#blend;
    let o = 0;
    for (let s = x.low; s <= x.high; s++) {
      for (let k = z.first; k < z.end; k++) {
        const upper = base + (zTaps.index[2 * k]! % planes) * planeStep + s;
        const lower = base + (zTaps.index[2 * k + 1]! % planes) * planeStep + s;
        const a = zTaps.weights[2 * k]!;
        const b = zTaps.weights[2 * k + 1]!;
        for (let j = y.low; j <= y.high; j++) {
          blend[j] = a * data[upper + j * this.#width]! + b * data[lower + j * this.#width]!;
        }
        for (let j = y.first; j < y.end; j++) {
          this.#slices[o++] = weights[2 * j]! * blend[index[2 * j]!]! + weights[2 * j + 1]! * blend[index[2 * j + 1]!]!;
        }
      }
    }
  }

  #blendLines(data: Float32Array, upper: number, lower: number, a: number, b: number, x: Tile): void {
    const blend = this.#blend;
    for (let i = x.low; i <= x.high; i++) blend[i] = a * data[upper + i]! + b * data[lower + i]!;
  }

  /** Writes a row of slices from `o` on; returns where it ends. */
  #alongX(x: Tile, o: number): number {
    const { index, weights } = this.#taps[2];
    const slices = this.#slices;
    const blend = this.#blend;
    for (let i = x.first; i < x.end; i++) {
      slices[o++] = weights[2 * i]! * blend[index[2 * i]!]! + weights[2 * i + 1]! * blend[index[2 * i + 1]!]!;
    }
    return o;
  }

  #betweenSlices({ first, low }: Tile, [depth, rows, columns]: Shape3): void {
    const { index, weights } = this.#taps[this.#across]!;
    const slices = this.#slices;
    const values = this.#values;
    const slice = (depth * rows * columns) / [depth, rows, columns][this.#across]!;
    const across = [depth, rows, columns][this.#across]!;
    // Where a voxel lies in the tile: slices by `step`, what is in a slice in runs of `step` that repeat.
    const step = [rows * columns, columns, 1][this.#across]!;
    for (let n = 0; n < across; n++) {
      const front = (index[2 * (first + n)]! - low) * slice;
      const back = (index[2 * (first + n) + 1]! - low) * slice;
      const a = weights[2 * (first + n)]!;
      const b = weights[2 * (first + n) + 1]!;
      for (let run = 0, i = 0; i < slice; run++) {
        let o = run * across * step + n * step;
        for (const end = i + step; i < end; i++, o++) values[o] = a * slices[front + i]! + b * slices[back + i]!;
      }
    }
  }
}
