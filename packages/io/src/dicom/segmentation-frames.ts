import { UnsupportedError } from "@nnunet/core";
import type { DataSet } from "./data-set.ts";

/** What a segmentation object says of its frames. */
export interface SegmentationFrames {
  /** Fractional: the voxels are probabilities or occupancies from 0 on, not labels. */
  readonly fractional: boolean;
  /** The segment's number for every frame, which is its label. */
  readonly segmentOfFrame: readonly number[];
}

const segmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4";

/**
 * @returns undefined for everything that is no segmentation of one bit, or one fraction, per segment
 * @throws {ImageFileError} if a frame does not say whose segment it is
 */
export function segmentationFrames(dataSet: DataSet, frameCount: number): SegmentationFrames | undefined {
  if (dataSet.text("SOPClassUID") !== segmentationStorage) return undefined;
  const type = dataSet.text("SegmentationType");
  if (type === "LABELMAP") return undefined;
  if (type !== "BINARY" && type !== "FRACTIONAL")
    throw new UnsupportedError(`a DICOM segmentation of type ${JSON.stringify(type)} (${dataSet.path})`);
  const shared = dataSet.items("SharedFunctionalGroupsSequence")[0]?.items("SegmentIdentificationSequence")[0];
  const perFrame = dataSet.items("PerFrameFunctionalGroupsSequence");
  const segments = dataSet.items("SegmentSequence");
  const only = segments.length === 1 ? segments[0]!.uint16("SegmentNumber") : undefined;
  const segmentOfFrame = Array.from({ length: frameCount }, (_, i) => {
    const own = perFrame[i]?.items("SegmentIdentificationSequence")[0] ?? shared;
    const segment = own?.uint16("ReferencedSegmentNumber") ?? only;
    if (segment === undefined)
      throw dataSet.fail("ReferencedSegmentNumber", `frame ${i + 1} does not say whose segment it is`);
    return segment;
  });
  return { fractional: type === "FRACTIONAL", segmentOfFrame };
}
