import { FileError, ImageFileError, type ModelDataset, shownShape, type Volume } from "@nnunet/core";
import { writeChunksAtomic } from "@nnunet/core/node";
import { dicomVolumePlan } from "../dicom/dicom-series.ts";
import { withDicom } from "../dicom/open-dicom.ts";
import { type Grid, liesOnGrid, ontoGrid } from "../geometry/onto-grid.ts";
import { isDicomSeries } from "../image-file.ts";
import type { DicomChoice, ImageWarning } from "../image-format.ts";
import type { SegmentationMaker } from "./about-object.ts";
import { type DicomSource, dicomSource } from "./dicom-source.ts";
import { segmentationObject } from "./segmentation-object.ts";

/**
 * Reads of a DICOM series what a segmentation of it must say again: patient, study, identifiers and places; no pixels.
 *
 * @param path - as for `readDicom`
 * @throws {FileError} if it is no DICOM, or a segmentation itself; further errors as `readDicom`
 * @throws {UnsupportedError} for images that do not say where they lie
 */
export async function readDicomSource(path: string, choice: DicomChoice = {}): Promise<DicomSource> {
  if (!(await isDicomSeries(path))) {
    const problem = "is no DICOM series, and a DICOM segmentation belongs to one, whose patient and study it repeats";
    throw new FileError(
      path,
      `${problem}; name the series, also by \`convertedFrom\` for an image that was made of it, or write .nii.gz`,
    );
  }
  const plan = await dicomVolumePlan(path, choice);
  const first = plan.placed.find(({ slice }) => slice === 0) ?? plan.placed[0]!;
  return withDicom(first.frame.image.file, ({ dataSet }) => dicomSource(plan, dataSet));
}

export interface DicomSegmentationOptions {
  /** Names, regions and codes of the labels: what a dataset.json says. */
  readonly dataset: Pick<ModelDataset, "labels" | "regionsClassOrder" | "labelCodes">;
  readonly maker: SegmentationMaker;
  /** Hears what the source does not say and was made up. */
  readonly onWarning?: (warning: ImageWarning) => void;
}

/**
 * Writes a segmentation as a DICOM segmentation object of the series that was segmented. A file of that name is replaced.
 *
 * @param segmentation - labels, [1, z, y, x]; its axes may run otherwise than the series' (a NIfTI file), if the voxels lie
 *   at the same places
 * @param source - of {@link readDicomSource}
 * @throws {FileError} if the file cannot be written; nothing is left behind
 * @throws {ImageFileError} if the segmentation lies elsewhere than the series
 * @throws {InvalidArgumentError} for a voxel that is no label of the dataset
 * @throws {UnsupportedError} for more than 4 GiB of bits
 * @example
 * const source = await readDicomSource("ct_series");
 * await writeDicomSegmentation("seg.dcm", await readLabels("seg.nii.gz"), source, { dataset, maker });
 */
export async function writeDicomSegmentation(
  path: string,
  segmentation: Volume,
  source: DicomSource,
  { dataset, maker, onWarning }: DicomSegmentationOptions,
): Promise<void> {
  const placed = ontoGrid(segmentation, source);
  if (!placed) throw elsewhere(path, "segmentation", onItsGrid(segmentation), source);
  const labels = placed.data instanceof Int16Array ? placed : { ...placed, data: Int16Array.from(placed.data) };
  const { chunks, warnings } = await segmentationObject(labels, source, dataset, maker);
  for (const warning of warnings) onWarning?.(warning);
  await writeChunksAtomic(path, chunks);
}

/**
 * Whether a segmentation of an image can belong to a series, before it is made: a NIfTI file that was converted from it.
 *
 * @param path - of the image
 * @param image - its header
 * @throws {ImageFileError} if it lies elsewhere than the series, with both places
 */
export function refuseOtherPlace(
  path: string,
  { shape, geometry }: Pick<Volume, "shape" | "geometry">,
  source: DicomSource,
): void {
  const own = onItsGrid({ shape, geometry });
  if (!liesOnGrid(own, source)) throw elsewhere(path, "image", own, source);
}

const onItsGrid = ({ shape: [, nz, ny, nx], geometry }: Pick<Volume, "shape" | "geometry">): Grid => ({
  shape: [nz, ny, nx],
  geometry,
});

function elsewhere(path: string, what: string, own: Grid, source: DicomSource): ImageFileError {
  const told = ({ shape, geometry: { spacing, origin } }: Grid) =>
    `${shownShape(shape)} voxels of ${shownShape(spacing.map((mm) => Number(mm.toFixed(4))))} mm from (${origin.map((mm) => Number(mm.toFixed(3))).join(", ")})`;
  const problem = `the ${what} has ${told(own)}, the series ${source.path} ${told(source)}`;
  return new ImageFileError(path, "", `${problem}; take the series that was segmented`);
}
