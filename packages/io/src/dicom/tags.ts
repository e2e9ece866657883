/*
 * The elements that a reader of images needs, by DICOM's own keywords (PS3.6). What is not named here is skipped
 * unread: a file may hold megabytes of private data.
 */

export const tags = {
  TransferSyntaxUID: 0x00020010,
  ImageType: 0x00080008,
  SOPClassUID: 0x00080016,
  SOPInstanceUID: 0x00080018,
  AcquisitionTime: 0x00080032,
  ContentTime: 0x00080033,
  Modality: 0x00080060,
  SeriesDescription: 0x0008103e,
  ComplexImageComponent: 0x00089208,
  FrameType: 0x00089007,
  SliceThickness: 0x00180050,
  EchoTime: 0x00180081,
  InversionTime: 0x00180082,
  EchoNumbers: 0x00180086,
  SpacingBetweenSlices: 0x00180088,
  TriggerTime: 0x00181060,
  ImagerPixelSpacing: 0x00181164,
  FlipAngle: 0x00181314,
  NominalScannedPixelSpacing: 0x00182010,
  FrameAcquisitionDateTime: 0x00189074,
  DiffusionGradientDirectionSequence: 0x00189076,
  EffectiveEchoTime: 0x00189082,
  DiffusionBValue: 0x00189087,
  DiffusionGradientOrientation: 0x00189089,
  MREchoSequence: 0x00189114,
  MRDiffusionSequence: 0x00189117,
  CardiacSynchronizationSequence: 0x00189118,
  NominalCardiacTriggerDelayTime: 0x00189153,
  SeriesInstanceUID: 0x0020000e,
  AcquisitionNumber: 0x00200012,
  InstanceNumber: 0x00200013,
  ImagePositionPatient: 0x00200032,
  ImageOrientationPatient: 0x00200037,
  TemporalPositionIdentifier: 0x00200100,
  StackID: 0x00209056,
  InStackPositionNumber: 0x00209057,
  FrameContentSequence: 0x00209111,
  PlanePositionSequence: 0x00209113,
  PlaneOrientationSequence: 0x00209116,
  TemporalPositionIndex: 0x00209128,
  SamplesPerPixel: 0x00280002,
  PhotometricInterpretation: 0x00280004,
  PlanarConfiguration: 0x00280006,
  NumberOfFrames: 0x00280008,
  Rows: 0x00280010,
  Columns: 0x00280011,
  PixelSpacing: 0x00280030,
  BitsAllocated: 0x00280100,
  BitsStored: 0x00280101,
  HighBit: 0x00280102,
  PixelRepresentation: 0x00280103,
  RescaleIntercept: 0x00281052,
  RescaleSlope: 0x00281053,
  RedPaletteColorLookupTableDescriptor: 0x00281101,
  GreenPaletteColorLookupTableDescriptor: 0x00281102,
  BluePaletteColorLookupTableDescriptor: 0x00281103,
  RedPaletteColorLookupTableData: 0x00281201,
  GreenPaletteColorLookupTableData: 0x00281202,
  BluePaletteColorLookupTableData: 0x00281203,
  SegmentedRedPaletteColorLookupTableData: 0x00281221,
  SegmentedGreenPaletteColorLookupTableData: 0x00281222,
  SegmentedBluePaletteColorLookupTableData: 0x00281223,
  ModalityLUTSequence: 0x00283000,
  LUTDescriptor: 0x00283002,
  LUTData: 0x00283006,
  PixelMeasuresSequence: 0x00289110,
  PixelValueTransformationSequence: 0x00289145,
  CsaCreator: 0x00290010,
  CsaImageHeader: 0x00291010,
  DetectorInformationSequence: 0x00540022,
  SegmentationType: 0x00620001,
  SegmentSequence: 0x00620002,
  SegmentNumber: 0x00620004,
  SegmentIdentificationSequence: 0x0062000a,
  ReferencedSegmentNumber: 0x0062000b,
  DoseGridScaling: 0x3004000e,
  GridFrameOffsetVector: 0x3004000c,
  SharedFunctionalGroupsSequence: 0x52009229,
  PerFrameFunctionalGroupsSequence: 0x52009230,
  ExtendedOffsetTable: 0x7fe00001,
  ExtendedOffsetTableLengths: 0x7fe00002,
  FloatPixelData: 0x7fe00008,
  DoubleFloatPixelData: 0x7fe00009,
  PixelData: 0x7fe00010,
} as const;

export type TagName = keyof typeof tags;

const wanted: ReadonlyMap<number, TagName> = new Map(Object.entries(tags).map(([name, tag]) => [tag, name as TagName]));

/** The keyword of an element that is read, undefined for one that is skipped. */
export function tagName(tag: number): TagName | undefined {
  return wanted.get(tag);
}

/** Whether an element holds the pixels: where parsing ends. */
export function isPixelTag(tag: number): boolean {
  return tag === tags.PixelData || tag === tags.FloatPixelData || tag === tags.DoubleFloatPixelData;
}
