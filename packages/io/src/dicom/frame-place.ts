import type { DataSet } from "./data-set.ts";
import type { FramePlace } from "./dicom-image.ts";
import type { FrameGroups } from "./functional-groups.ts";

/** Where the groups of a frame, or its file, say that it lies. */
export function framePlace(file: DataSet, groups: FrameGroups): FramePlace {
  // Nuclear medicine keeps the place of its first frame in the detector's description.
  const detector = file.items("DetectorInformationSequence")[0];
  const measures = groups.groupOrFile("PixelMeasuresSequence");
  const position = groups.groupOrFile("PlanePositionSequence");
  const orientation = groups.groupOrFile("PlaneOrientationSequence");
  return {
    position: position.decimals("ImagePositionPatient", 3) ?? detector?.decimals("ImagePositionPatient", 3),
    orientation: orientation.decimals("ImageOrientationPatient", 6) ?? detector?.decimals("ImageOrientationPatient", 6),
    pixelSpacing: pixelSpacing(measures),
    sliceSpacing: sliceSpacing(measures),
  };
}

/**
 * PixelSpacing is that of the patient; without it, that of the detector or of the scanned film is the best there is.
 *
 * @throws {ImageFileError} for spacings that are not positive
 */
function pixelSpacing(dataSet: DataSet): readonly number[] | undefined {
  for (const name of ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"] as const) {
    const spacing = dataSet.decimals(name, 2);
    if (!spacing) continue;
    if (!spacing.every((s) => s > 0)) throw dataSet.fail(name, `expected positive numbers, got ${spacing.join(", ")}`);
    return spacing;
  }
  return undefined;
}

function sliceSpacing(dataSet: DataSet): number | undefined {
  const between = dataSet.decimal("SpacingBetweenSlices");
  if (between !== undefined && between !== 0) return between;
  const thickness = dataSet.decimal("SliceThickness");
  return thickness !== undefined && thickness > 0 ? thickness : undefined;
}
