import type { DataSet } from "./data-set.ts";
import type { FramePlace } from "./dicom-image.ts";
import { planeAxes } from "./plane-axes.ts";

/**
 * Where a frame of a multi-frame file without functional groups lies: along the normal of the first, at the offsets of
 * a dose grid, or at the distance that the file states (nuclear medicine; negative means against the normal).
 *
 * @returns the place of the first frame, without a position for the others where the file does not say it
 */
export function gridFramePlace(dataSet: DataSet, first: FramePlace, index: number, frameCount: number): FramePlace {
  const { position, orientation } = first;
  if (frameCount === 1 || !position || !orientation)
    return frameCount === 1 ? first : { ...first, position: undefined };
  const offset = offsets(dataSet, first, frameCount)?.[index];
  if (offset === undefined) return { ...first, position: undefined };
  const [, , normal] = planeAxes(orientation, dataSet.path);
  return { ...first, position: position.map((p, i) => p + offset * normal![i]!) };
}

const cached = new WeakMap<DataSet, number[] | undefined>();

function offsets(dataSet: DataSet, first: FramePlace, frameCount: number): number[] | undefined {
  if (!cached.has(dataSet)) cached.set(dataSet, readOffsets(dataSet, first, frameCount));
  return cached.get(dataSet);
}

function readOffsets(dataSet: DataSet, first: FramePlace, frameCount: number): number[] | undefined {
  const listed = dataSet.decimals("GridFrameOffsetVector");
  if (listed) {
    if (listed.length !== frameCount) {
      const problem = `${listed.length} offsets for ${frameCount} frames`;
      throw dataSet.fail("GridFrameOffsetVector", problem);
    }
    // Relative to the first frame, or (PS3.3 C.8.8.3.2, axial only) the frames' own z.
    const towards = listed[0] === 0 || planeAxes(first.orientation!, dataSet.path)[2]![2]! > 0 ? 1 : -1;
    return listed.map((offset) => towards * (offset - listed[0]!));
  }
  const step = first.sliceSpacing;
  // Frames of an angiography or an ultrasound are moments, not slices, even where their file names a thickness.
  const isVolume = ["NM", "PT", "CT", "MR", "RTDOSE", "OCT", "OPT"].includes(dataSet.text("Modality"));
  return step !== undefined && isVolume ? Array.from({ length: frameCount }, (_, i) => i * step) : undefined;
}
