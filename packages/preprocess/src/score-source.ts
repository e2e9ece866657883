import { elementCount, ShapeMismatchError, type VolumeShape } from "@nnunet/core";

/**
 * Some planes and lines of every channel: the value at [channel, z, y, x] is
 * `data[channel * channelStep + (z % planes) * planeStep + (y - firstLine) * width + x]`.
 */
export interface ScoreWindow {
  readonly data: Float32Array;
  readonly channelStep: number;
  readonly planeStep: number;
  /** Planes lie in a ring: as many as there is room for. */
  readonly planes: number;
  readonly firstLine: number;
}

/**
 * Scores on the preprocessed grid, [channel, z, y, x], wherever they lie. While a network still works on an image only
 * the planes across z that are needed exist.
 */
export interface ScoreSource {
  readonly shape: VolumeShape;
  /** Where y is best cut, so that all channels of a strip can be had at once; ascending, the last is the height. */
  readonly stripEnds: readonly number[];
  /** Planes [z0, z1) and lines [y0, y1) of every channel. What was given before is no longer valid. */
  window(z0: number, z1: number, y0: number, y1: number): ScoreWindow;
  /** A whole channel, [z, y, x], where all its planes exist. What was given before is no longer valid. */
  channel(channel: number): Float32Array;
}

/**
 * Scores in an array.
 *
 * @param data - [channel, planes, y, x]: plane z lies at z modulo `planes`
 * @param planes - all by default
 * @throws {ShapeMismatchError} if the array has another length
 */
export function scoresInMemory(data: Float32Array, shape: VolumeShape, planes = shape[1]): ScoreSource {
  const [channels, , height, width] = shape;
  const planeStep = height * width;
  const length = elementCount([channels, planes, planeStep]);
  if (data.length !== length) throw new ShapeMismatchError("scores", [length], [data.length]);
  const window = { data, channelStep: planes * planeStep, planeStep, planes, firstLine: 0 };
  return {
    shape,
    stripEnds: [height],
    window: () => window,
    channel: (channel) => data.subarray(channel * window.channelStep, (channel + 1) * window.channelStep),
  };
}
