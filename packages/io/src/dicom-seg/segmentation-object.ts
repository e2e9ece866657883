import { labelSet, type ModelDataset, UnsupportedError, type Volume } from "@nnunet/core";
import { concatenated } from "../dicom/numbers-in-bytes.ts";
import type { ImageWarning } from "../image-format.ts";
import { bytesOfArray } from "../voxels/stored-voxels.ts";
import { aboutObject, type SegmentationMaker } from "./about-object.ts";
import { derivedUid } from "./derived-uid.ts";
import type { DicomSource } from "./dicom-source.ts";
import {
  elementHeader,
  encodeItem,
  encodeSequenceEnd,
  encodeSequenceItem,
  undefinedLength,
} from "./encode-elements.ts";
import { encodeFileMeta } from "./file-meta.ts";
import { dimensions, frameGroups } from "./frame-groups.ts";
import { withIdentifiers } from "./missing-identifiers.ts";
import { segmentBits } from "./segment-bits.ts";
import { segmentFrames } from "./segment-frames.ts";
import { segmentsOf } from "./segments.ts";

/** A segmentation object, ready to be written. */
export interface SegmentationObject {
  readonly instanceUid: string;
  readonly seriesUid: string;
  /** The file, piece by piece; once. */
  readonly chunks: Iterable<Uint8Array<ArrayBuffer>>;
  /** What the source does not say and was made up. */
  readonly warnings: readonly ImageWarning[];
}

/** PS3.5 7.1.1: a length of 32 bits, even, and not the one that means "undefined". */
const mostPixelBytes = 0xfffffffe;

/**
 * A segmentation as an object of DICOM's Segmentation IOD (PS3.3 A.51), binary, one frame per segment and slice in which it
 * is. It belongs to the study of its source, lies on the source's planes exactly, and names for every frame the image that
 * it was made from. The same input gives the same bytes: identifiers follow from the content, dates are the source's.
 *
 * @param segmentation - labels, [1, z, y, x], on the source's grid
 * @param dataset - names, regions and codes of the labels
 * @throws {InvalidArgumentError} for a voxel that is no label of the dataset
 * @throws {UnsupportedError} if the object would be larger than DICOM can say (4 GiB of bits)
 */
export async function segmentationObject(
  { data }: Volume,
  given: DicomSource,
  dataset: Pick<ModelDataset, "labels" | "regionsClassOrder" | "labelCodes">,
  maker: SegmentationMaker,
): Promise<SegmentationObject> {
  const segments = segmentsOf(dataset);
  const { ignoreLabel } = labelSet(dataset);
  const [, rows, columns] = given.shape;
  const frames = segmentFrames(data, given.shape, segments, ignoreLabel === undefined ? [] : [ignoreLabel]);
  const pixelBytes = 2 * Math.ceil((frames.length * rows * columns) / 16);
  if (pixelBytes > mostPixelBytes) {
    throw new UnsupportedError(
      `a DICOM segmentation of ${frames.length} frames of ${columns} × ${rows} pixels, more than 4 GiB,`,
      "write it as .nii.gz",
    );
  }
  const { source, studyUid, warnings } = await withIdentifiers(given, bytesOfArray(data));
  const about = aboutObject(source, studyUid, segments, maker, frames.length);
  const places = JSON.stringify([source.seriesUid, source.instances, source.planes, source.orientation]);
  const instanceUid = await derivedUid(["instance", places, encodeItem(about), bytesOfArray(data)]);
  const seriesUid = await derivedUid(["series", instanceUid]);
  const header = encodeItem({
    ...about,
    ...dimensions(await derivedUid(["dimensions", instanceUid])),
    SOPInstanceUID: instanceUid,
    SeriesInstanceUID: seriesUid,
  });
  const chunks = function* (): Generator<Uint8Array<ArrayBuffer>> {
    yield encodeFileMeta(instanceUid);
    yield header;
    yield elementHeader("PerFrameFunctionalGroupsSequence", undefinedLength);
    for (const frame of frames) yield encodeSequenceItem(frameGroups(frame, source));
    yield encodeSequenceEnd();
    yield elementHeader("PixelData", pixelBytes);
    yield* segmentBits(frames, data, rows * columns);
  };
  return { instanceUid, seriesUid, chunks: inPieces(chunks()), warnings };
}

/** Written one by one, ten thousand frames of some hundred bytes would take seconds. */
const pieceBytes = 2 ** 20;

function* inPieces(chunks: Iterable<Uint8Array<ArrayBuffer>>): Generator<Uint8Array<ArrayBuffer>> {
  let piece: Uint8Array[] = [];
  let length = 0;
  for (const chunk of chunks) {
    piece.push(chunk);
    length += chunk.length;
    if (length < pieceBytes) continue;
    yield concatenated(piece);
    piece = [];
    length = 0;
  }
  yield concatenated(piece);
}
