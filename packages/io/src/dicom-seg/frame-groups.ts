import { codeItem } from "./code-item.ts";
import { decimalString, decimalStrings } from "./decimal-string.ts";
import type { DicomSource, SourceInstance } from "./dicom-source.ts";
import type { Item } from "./encode-elements.ts";
import type { SegmentFrame } from "./segment-frames.ts";
import { writtenElements } from "./written-elements.ts";

/** What every frame of a segmentation object has in common: how its plane is turned, and the distances of pixels. */
export function sharedGroups({ orientation, geometry: { spacing }, elements }: DicomSource): Item {
  const [between, row, column] = spacing;
  return {
    PlaneOrientationSequence: [{ ImageOrientationPatient: decimalStrings(orientation) }],
    PixelMeasuresSequence: [
      {
        PixelSpacing: decimalStrings([row, column]),
        SliceThickness: decimalString(thickness(elements.get("SliceThickness")) ?? between),
        SpacingBetweenSlices: decimalString(between),
      },
    ],
  };
}

/** As the source says it, where that is a thickness; some write more digits than a text of DICOM may have. */
function thickness(text: Uint8Array | undefined): number | undefined {
  const value = Number(new TextDecoder("latin1").decode(text ?? new Uint8Array()));
  return value > 0 && Number.isFinite(value) ? value : undefined;
}

/** What tells one frame from the others: its segment, its place, and the image that it was made from. */
export function frameGroups({ segment, slice }: SegmentFrame, source: DicomSource): Item {
  const { position, instance, frame } = source.planes[slice]!;
  return {
    FrameContentSequence: [{ DimensionIndexValues: [segment.number, slice + 1] }],
    PlanePositionSequence: [{ ImagePositionPatient: decimalStrings(position) }],
    SegmentIdentificationSequence: [{ ReferencedSegmentNumber: [segment.number] }],
    DerivationImageSequence: [
      {
        DerivationCodeSequence: [dcm("113076", "Segmentation")],
        SourceImageSequence: [
          {
            ...instanceReference(instance),
            ...(frame !== undefined && { ReferencedFrameNumber: String(frame) }),
            SpatialLocationsPreserved: source.isMosaic ? "NO" : "YES",
            PurposeOfReferenceCodeSequence: [dcm("121322", "Source image for image processing operation")],
          },
        ],
      },
    ],
  };
}

/** By what the frames are indexed: segment, then place. */
export function dimensions(uid: string): Item {
  const index = (
    pointer: "ReferencedSegmentNumber" | "ImagePositionPatient",
    group: "SegmentIdentificationSequence" | "PlanePositionSequence",
    label: string,
  ): Item => ({
    DimensionOrganizationUID: uid,
    DimensionIndexPointer: [writtenElements[pointer][0]],
    FunctionalGroupPointer: [writtenElements[group][0]],
    DimensionDescriptionLabel: label,
  });
  return {
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: uid }],
    DimensionIndexSequence: [
      index("ReferencedSegmentNumber", "SegmentIdentificationSequence", "Segment"),
      index("ImagePositionPatient", "PlanePositionSequence", "Position"),
    ],
  };
}

export function instanceReference({ sopClass, uid }: SourceInstance): Item {
  return { ReferencedSOPClassUID: sopClass, ReferencedSOPInstanceUID: uid };
}

function dcm(value: string, meaning: string): Item {
  return codeItem({ value, scheme: "DCM", meaning });
}
