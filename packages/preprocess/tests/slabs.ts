import type { VolumeShape } from "@nnunet/core";
import type { ScoreSource } from "@nnunet/preprocess";

/**
 * Scores that are there for only as long as was promised, and are handed out in strips: everything not asked for is
 * NaN, which spoils whatever uses it, and asking for too much throws.
 */
export function fleetingScores(data: Float32Array, shape: VolumeShape, stripEnds: readonly number[], planes: number) {
  const [channels, depth, height, width] = shape;
  const there = { from: 0, to: 0 };
  const source: ScoreSource = {
    shape,
    stripEnds,
    window(z0, z1, y0, y1) {
      if (z0 < there.from || z1 > there.to || z1 - z0 > planes) throw new Error(`planes ${z0} to ${z1} are not there`);
      const lines = y1 - y0;
      const [planeStep, channelStep] = [lines * width, planes * lines * width];
      const part = new Float32Array(channels * channelStep).fill(Number.NaN);
      for (let c = 0; c < channels; c++) {
        for (let z = z0; z < z1; z++) {
          const from = ((c * depth + z) * height + y0) * width;
          part.set(data.subarray(from, from + planeStep), c * channelStep + (z % planes) * planeStep);
        }
      }
      return { data: part, channelStep, planeStep, planes, firstLine: y0 };
    },
    channel() {
      throw new Error("no whole channel is there");
    },
  };
  return { source, there };
}
