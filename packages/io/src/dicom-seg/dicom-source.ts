import { FileError, type Geometry, type Shape3, UnsupportedError } from "@nnunet/core";
import type { DataSet } from "../dicom/data-set.ts";
import type { DicomImage } from "../dicom/dicom-image.ts";
import type { TagName } from "../dicom/tags.ts";
import type { VolumePlan } from "../dicom/volume-plan.ts";
import type { Item } from "./encode-elements.ts";

/** One file of a series. */
export interface SourceInstance {
  readonly sopClass: string;
  readonly uid: string;
}

/** Where a slice of the volume lies, and what shows it. */
export interface SourcePlane {
  /** Of the centre of its first pixel, LPS mm. */
  readonly position: readonly number[];
  readonly instance: SourceInstance;
  /** From 1, of a file with several; undefined where the file is one frame. */
  readonly frame: number | undefined;
}

/** The series that a segmentation belongs to: all of it that a segmentation object says again. */
export interface DicomSource {
  readonly path: string;
  /** [z, y, x] */
  readonly shape: Shape3;
  readonly geometry: Geometry;
  readonly seriesUid: string;
  readonly frameOfReferenceUid: string;
  /** Of increasing column, then of increasing row, as the series says. */
  readonly orientation: readonly number[];
  /** One per slice, in the volume's order. */
  readonly planes: readonly SourcePlane[];
  /** Every file of the volume. */
  readonly instances: readonly SourceInstance[];
  /** The planes are tiles of one picture, so that a place in the one is not that place in the other. */
  readonly isMosaic: boolean;
  /** "" for ASCII. */
  readonly characterSet: string;
  /** Patient, study and what else is the same in every object of the study: bytes as they stand in the source. */
  readonly elements: ReadonlyMap<CopiedName, Uint8Array>;
  readonly deidentification: readonly Item[];
}

/** What is copied; nothing else of the source is, and nothing private. */
export const copiedNames = [
  "StudyDate",
  "StudyTime",
  "ContentDate",
  "ContentTime",
  "AccessionNumber",
  "ReferringPhysicianName",
  "StudyDescription",
  "PatientName",
  "PatientID",
  "IssuerOfPatientID",
  "PatientBirthDate",
  "PatientSex",
  "PatientSpeciesDescription",
  "PatientIdentityRemoved",
  "DeidentificationMethod",
  "StudyInstanceUID",
  "StudyID",
  "SeriesNumber",
  "PositionReferenceIndicator",
  "LongitudinalTemporalInformationModified",
  "SliceThickness",
  "LossyImageCompression",
  "LossyImageCompressionRatio",
  "LossyImageCompressionMethod",
] as const satisfies readonly TagName[];
export type CopiedName = (typeof copiedNames)[number];

const codeNames = ["CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning"] as const;

/**
 * What a segmentation of this volume says of its source.
 *
 * @param plan - of the volume
 * @param dataSet - of the file of its first slice
 * @throws {UnsupportedError} if the slices do not say where they lie, or lie in several systems of coordinates
 * @throws {FileError} if it is a segmentation itself
 */
export function dicomSource(plan: VolumePlan, dataSet: DataSet): DicomSource {
  const { path, shape, geometry, kind, placed } = plan;
  if (kind === "labels" || kind === "fractions") {
    throw new FileError(path, "is a segmentation itself; name the series of images that it belongs to");
  }
  const inOrder = [...placed].sort((a, b) => a.slice - b.slice);
  const images = [...new Set(inOrder.map(({ frame }) => frame.image))];
  const first = inOrder[0]!.frame;
  if (!inOrder.every(({ frame: { position, orientation } }) => position && orientation)) {
    throw new UnsupportedError(
      `a DICOM segmentation of images that do not say where they lie (${path})`,
      "write it as .nii.gz",
    );
  }
  const systems = [...new Set(images.map(({ frameOfReferenceUid }) => frameOfReferenceUid))];
  if (systems.length > 1) {
    throw new UnsupportedError(
      `a DICOM segmentation of slices in ${systems.length} systems of coordinates (FrameOfReferenceUID ${systems.join(", ")}; ${path})`,
      "put the slices of each into a folder of their own",
    );
  }
  const instanceOf = new Map(images.map((image): [DicomImage, SourceInstance] => [image, instance(image)]));
  const planes = Array.from({ length: shape[1] }, (_, slice): SourcePlane => {
    if (kind === "mosaic") {
      return { position: along(geometry, slice), instance: instanceOf.get(first.image)!, frame: undefined };
    }
    const { position, image, index } = inOrder[slice]!.frame;
    return {
      position: position!,
      instance: instanceOf.get(image)!,
      frame: image.frameCount > 1 ? index + 1 : undefined,
    };
  });
  const bytesOf = (name: TagName) => dataSet.elements.get(name)?.bytes;
  return {
    path,
    shape: [shape[1], shape[2], shape[3]],
    geometry,
    seriesUid: first.image.seriesUid,
    frameOfReferenceUid: systems[0]!,
    orientation: first.orientation!,
    planes,
    instances: [...instanceOf.values()],
    isMosaic: kind === "mosaic",
    characterSet: dataSet.text("SpecificCharacterSet"),
    elements: new Map(copiedNames.flatMap((name) => (bytesOf(name) ? [[name, trimmed(bytesOf(name)!)] as const] : []))),
    deidentification: dataSet
      .items("DeidentificationMethodCodeSequence")
      .map((item) =>
        Object.fromEntries(
          codeNames.flatMap((name) =>
            item.has(name) ? [[name, trimmed(item.elements.get(name)!.bytes)] as const] : [],
          ),
        ),
      ),
  };
}

function instance({ sopClass, instanceUid }: DicomImage): SourceInstance {
  return { sopClass, uid: instanceUid };
}

/** The first voxel of a slice. */
function along({ origin, direction, spacing }: Geometry, slice: number): number[] {
  return origin.map((p, row) => p + slice * spacing[0] * direction[3 * row + 2]!);
}

/** Without the padding at its end. */
function trimmed(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0 || bytes[end - 1] === 0x20)) end--;
  return Uint8Array.from(bytes.subarray(0, end));
}
