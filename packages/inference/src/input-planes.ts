import type { PreprocessedCase, Shape3, VolumeShape } from "@nnunet/core";
import type { NumberStore } from "@nnunet/kernels";

/** The preprocessed image that patches are cut from. */
export interface InputPlanes {
  readonly id: string;
  /** Of the image, [channel, z, y, x]. */
  readonly shape: VolumeShape;
  /** [channel, planes, y, x]: plane z lies at z modulo `planes`. */
  readonly data: Float32Array;
  readonly planes: number;
  /** Planes below `end` that are not there come, in the place of those that are no longer needed. */
  load(end: number): void;
}

export function inputInMemory({ data, shape, properties: { id } }: PreprocessedCase): InputPlanes {
  return { id, shape, data, planes: shape[1], load: () => {} };
}

/** What the first network of a cascade found, as the second takes it: one channel of 0 and 1 per label. */
export interface FoundBefore {
  /** Label ids, [z, y, x] of the preprocessed image. */
  readonly seg: Int16Array;
  readonly shape: Shape3;
  readonly labels: readonly number[];
}

/**
 * Planes of an image that lies elsewhere, read as they are needed.
 *
 * @param image - [channel, z, y, x] of `shape`
 * @param planes - how many are in memory at a time
 * @param before - comes behind the image's channels
 */
export function inputPlanes(
  id: string,
  image: NumberStore,
  [channels, depth, height, width]: VolumeShape,
  planes: number,
  before?: FoundBefore,
): InputPlanes {
  const step = height * width;
  const labels = before?.labels ?? [];
  const all = channels + labels.length;
  const data = new Float32Array(all * planes * step);
  const place = (channel: number, z: number) => {
    const first = (channel * planes + (z % planes)) * step;
    return data.subarray(first, first + step);
  };
  let loaded = 0;
  return {
    id,
    shape: [all, depth, height, width],
    data,
    planes,
    load(end) {
      for (; loaded < end; loaded++) {
        for (let c = 0; c < channels; c++) image.read(place(c, loaded), (c * depth + loaded) * step);
        for (const [i, label] of labels.entries()) {
          const plane = place(channels + i, loaded);
          for (let v = 0, at = loaded * step; v < step; v++, at++) plane[v] = before!.seg[at] === label ? 1 : 0;
        }
      }
    },
  };
}
