import { commonCharacterSet } from "./character-set.ts";
import { codeItem } from "./code-item.ts";
import type { CopiedName, DicomSource } from "./dicom-source.ts";
import type { Item } from "./encode-elements.ts";
import { segmentationStorage } from "./file-meta.ts";
import { instanceReference, sharedGroups } from "./frame-groups.ts";
import type { Segment } from "./segments.ts";

/** What made a segmentation. */
export interface SegmentationMaker {
  /** The model: "Dataset004_Hippocampus 3d_fullres". */
  readonly algorithm: string;
  /** The software: "nnunet-ts 0.1.0". */
  readonly version: string;
  /** What else decides the result: "folds 0, 1; mirroring". */
  readonly parameters?: string;
}

const software = "nnunet-ts";

/** All that a segmentation object says beside its frames, its dimensions and its own identifiers. */
export function aboutObject(
  source: DicomSource,
  studyUid: string,
  segments: readonly Segment[],
  maker: SegmentationMaker,
  frameCount: number,
): Item {
  const { elements, shape } = source;
  const ours = [...segments.flatMap(textsOf), maker.algorithm, maker.version, maker.parameters ?? ""];
  const { name, copied, own } = commonCharacterSet(source.characterSet, [...elements.values()], ours);
  const copy = (...names: readonly CopiedName[]): Item =>
    Object.fromEntries(names.flatMap((each) => (elements.has(each) ? [[each, copied(elements.get(each)!)]] : [])));
  const required = (...names: readonly CopiedName[]): Item => ({
    ...Object.fromEntries(names.map((each) => [each, ""])),
    ...copy(...names),
  });
  const isOverlapping = segments.some((one) =>
    segments.some((other) => other !== one && one.labels.some((label) => other.labels.includes(label))),
  );
  const description = text(own(`Segmentation by ${maker.algorithm}`), 64);
  return {
    ...(name !== undefined && { SpecificCharacterSet: name }),
    // Patient and study
    ...required("PatientName", "PatientID", "PatientBirthDate", "PatientSex"),
    ...required("StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName", "StudyID"),
    ...copy("IssuerOfPatientID", "PatientSpeciesDescription", "StudyDescription"),
    ...copy("PatientIdentityRemoved", "DeidentificationMethod", "LongitudinalTemporalInformationModified"),
    ...(source.deidentification.length > 0 && { DeidentificationMethodCodeSequence: source.deidentification }),
    StudyInstanceUID: studyUid,
    // Series, frame of reference, equipment
    Modality: "SEG",
    SeriesNumber: seriesNumber(source),
    SeriesDescription: description,
    FrameOfReferenceUID: source.frameOfReferenceUid,
    ...required("PositionReferenceIndicator"),
    Manufacturer: software,
    ManufacturerModelName: software,
    DeviceSerialNumber: "0", // one must be there, and software has none
    SoftwareVersions: text(own(maker.version), 64),
    // Image
    SOPClassUID: segmentationStorage,
    ImageType: "DERIVED\\PRIMARY",
    InstanceNumber: "1",
    ...contentTime(source),
    ContentLabel: "SEGMENTATION",
    ContentDescription: description,
    ContentCreatorName: "",
    SamplesPerPixel: [1],
    PhotometricInterpretation: "MONOCHROME2",
    NumberOfFrames: String(frameCount),
    Rows: [shape[1]],
    Columns: [shape[2]],
    BitsAllocated: [1],
    BitsStored: [1],
    HighBit: [0],
    PixelRepresentation: [0],
    LossyImageCompression: "00",
    ...(isLossy(source) && copy("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")),
    SegmentationType: "BINARY",
    SegmentsOverlap: isOverlapping ? "YES" : "NO",
    SegmentSequence: segments.map((segment) => segmentItem(segment, maker, own)),
    SharedFunctionalGroupsSequence: [sharedGroups(source)],
    ReferencedSeriesSequence: [
      { SeriesInstanceUID: source.seriesUid, ReferencedInstanceSequence: source.instances.map(instanceReference) },
    ],
  };
}

function segmentItem(segment: Segment, maker: SegmentationMaker, own: (text: string) => string): Item {
  const { number, name, labels, category, type, modifier, anatomicRegion, anatomicRegionModifier, colour } = segment;
  const label = labels.length === 1 ? `label ${labels[0]}` : `labels ${labels.join(", ")}`;
  return {
    SegmentNumber: [number],
    SegmentLabel: text(own(name), 64),
    SegmentDescription: text(own(`${label} of the dataset (${name})`), 1024),
    SegmentAlgorithmType: "AUTOMATIC",
    SegmentAlgorithmName: text(own(maker.algorithm), 64),
    SegmentationAlgorithmIdentificationSequence: [
      {
        AlgorithmFamilyCodeSequence: [codeItem({ value: "123110", scheme: "DCM", meaning: "Artificial Intelligence" })],
        AlgorithmName: text(own(maker.algorithm), 64),
        AlgorithmVersion: text(own(maker.version), 64),
        ...(maker.parameters !== undefined && { AlgorithmParameters: text(own(maker.parameters), 10240) }),
      },
    ],
    ...(anatomicRegion && {
      AnatomicRegionSequence: [
        {
          ...codeItem(anatomicRegion, own),
          ...(anatomicRegionModifier && { AnatomicRegionModifierSequence: [codeItem(anatomicRegionModifier, own)] }),
        },
      ],
    }),
    SegmentedPropertyCategoryCodeSequence: [codeItem(category, own)],
    SegmentedPropertyTypeCodeSequence: [
      {
        ...codeItem(type, own),
        ...(modifier && { SegmentedPropertyTypeModifierCodeSequence: [codeItem(modifier, own)] }),
      },
    ],
    RecommendedDisplayCIELabValue: colour,
  };
}

function textsOf({ name, category, type, modifier, anatomicRegion, anatomicRegionModifier }: Segment): string[] {
  return [name, ...[category, type, modifier, anatomicRegion, anatomicRegionModifier].map((c) => c?.meaning ?? "")];
}

/** Without what separates values, or no text may hold, and no longer than its type allows. */
function text(value: string, longest: number): string {
  const plain = value.replace(/\\/g, "/").replace(/\p{Cc}/gu, " ");
  return [...plain].slice(0, longest).join("").trim();
}

const latin = (bytes: Uint8Array | undefined) => new TextDecoder("latin1").decode(bytes ?? new Uint8Array());

/** Beside the source's, and the same on every run. */
function seriesNumber({ elements }: DicomSource): string {
  const number = Number(latin(elements.get("SeriesNumber")) || "0");
  return String(Number.isInteger(number) && number >= 0 && number < 1e9 ? number + 1000 : 1000);
}

/**
 * When the source's pixels were made: an object whose identifier follows from its content cannot hold the time of the
 * day. Where the source does not say, its study's, or a day that nobody takes for true.
 */
function contentTime({ elements }: DicomSource): Item {
  const valid = (name: CopiedName, pattern: RegExp) => {
    const found = latin(elements.get(name));
    return pattern.test(found) ? found : undefined;
  };
  const day = /^\d{8}$/;
  const time = /^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$/;
  const content = valid("ContentDate", day);
  return {
    ContentDate: content ?? valid("StudyDate", day) ?? "19000101",
    ContentTime: valid(content === undefined ? "StudyTime" : "ContentTime", time) ?? "000000",
  };
}

/** What was compressed with loss once stays so; the standard wants ratio and method told with it. */
function isLossy({ elements }: DicomSource): boolean {
  const names = ["LossyImageCompressionRatio", "LossyImageCompressionMethod"] as const;
  return (
    latin(elements.get("LossyImageCompression")) === "01" && names.every((name) => latin(elements.get(name)) !== "")
  );
}
