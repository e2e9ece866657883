import { elementCount, UnsupportedError, type VolumeShape } from "@nnunet/core";
import { type ScoreSource, scoresInMemory } from "@nnunet/preprocess";
import { type Activation, addPrediction, type Placement } from "./add-prediction.ts";

/** The scores of an image while patches are still being added; only some planes across z exist at a time. */
export interface ScoreRows extends ScoreSource {
  /** Planes below `end` that did not exist come into being, as zeros, where planes lay that are no longer needed. */
  begin(end: number): void;
  /** Adds the network's answer for one patch and tells whether it is finite, see {@link addPrediction}. */
  add(logits: Float32Array, offset: number, activation: Activation, placement: Placement): boolean;
  /** Frees what they take beyond memory. */
  close(): Promise<void>;
}

/**
 * Planes in a ring of one array.
 *
 * @param planes - how many exist at a time
 * @throws {UnsupportedError} if they do not fit into memory
 */
export function rowsInMemory(shape: VolumeShape, planes: number, caseId: string): ScoreRows & { data: Float32Array } {
  const [channels, depth, height, width] = shape;
  const step = height * width;
  const data = allocate([channels, planes, height, width], caseId);
  let begun = planes; // a new array is zero
  return {
    ...scoresInMemory(data, shape, planes),
    data,
    begin(end) {
      for (; begun < Math.min(end, depth); begun++) {
        for (let c = 0; c < channels; c++) {
          const first = (c * planes + (begun % planes)) * step;
          data.fill(0, first, first + step);
        }
      }
    },
    add: (logits, offset, activation, placement) =>
      addPrediction(data, shape, logits, offset, activation, placement, planes),
    close: async () => {},
  };
}

function allocate(shape: VolumeShape, caseId: string): Float32Array {
  try {
    return new Float32Array(elementCount(shape));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const gigabytes = ((elementCount(shape) * 4) / 1e9).toFixed(1);
    throw new UnsupportedError(
      `scores of case ${caseId}, [${shape}] float32 (${gigabytes} GB)`,
      "use a configuration with a coarser spacing (3d_lowres), or a machine with more memory",
    );
  }
}
