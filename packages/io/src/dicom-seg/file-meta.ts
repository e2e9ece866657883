import { concatenated } from "../dicom/numbers-in-bytes.ts";
import { encodeItem } from "./encode-elements.ts";

export const segmentationStorage = "1.2.840.10008.5.1.4.1.1.66.4";
const explicitLittleEndian = "1.2.840.10008.1.2.1";
/** Names this writer; a UUID made for it once. */
const implementationUid = "2.25.57203909287459159959376976873266045866";

/** Preamble and meta information of a file with a segmentation object (PS3.10 7.1). */
export function encodeFileMeta(instanceUid: string): Uint8Array<ArrayBuffer> {
  const meta = encodeItem({
    FileMetaInformationVersion: Uint8Array.of(0, 1),
    MediaStorageSOPClassUID: segmentationStorage,
    MediaStorageSOPInstanceUID: instanceUid,
    TransferSyntaxUID: explicitLittleEndian,
    ImplementationClassUID: implementationUid,
    ImplementationVersionName: "NNUNET-TS",
  });
  const magic = new TextEncoder().encode("DICM");
  return concatenated([
    new Uint8Array(128),
    magic,
    encodeItem({ FileMetaInformationGroupLength: [meta.length] }),
    meta,
  ]);
}
