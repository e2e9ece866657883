import { asNdarray, type Volume } from "@nnunet/core";
import ops from "ndarray-ops";

/** The values of an image in one line; of few different ones (a label map) each is listed with its share. */
export function describeValues(volume: Volume): string {
  const view = asNdarray(volume);
  const [low, high] = [ops.inf(view), ops.sup(view)];
  const counts = new Map<number, number>();
  for (let i = 0; i < volume.data.length && counts.size <= mostLabels; i++) {
    const value = volume.data[i]!;
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  if (counts.size <= mostLabels) {
    const shares = [...counts]
      .sort(([a], [b]) => a - b)
      .map(([value, count]) => `${value} (${percent(count / volume.data.length)})`);
    return `values ${shares.join(", ")}`;
  }
  return `values from ${short(low)} to ${short(high)}, mean ${short(ops.sum(view) / volume.data.length)}`;
}

const mostLabels = 10;
const short = (value: number) => Number(value.toPrecision(5));
const percent = (share: number) => `${Number((100 * share).toPrecision(3))} %`;
