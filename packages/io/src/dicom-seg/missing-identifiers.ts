import type { ImageWarning } from "../image-format.ts";
import { derivedUid } from "./derived-uid.ts";
import type { DicomSource, SourceInstance } from "./dicom-source.ts";

/** A source with every identifier that an object of its study needs. */
export interface IdentifiedSource {
  readonly source: DicomSource;
  readonly studyUid: string;
  /** Which were missing, and were made up. */
  readonly warnings: readonly ImageWarning[];
}

/**
 * Makes up the identifiers that a source lacks, as carelessly anonymised files do: an object without them could be
 * opened by nobody. That it cannot be filed with its images then is told.
 *
 * @param seed - tells this case from every other one
 */
export async function withIdentifiers(source: DicomSource, seed: Uint8Array<ArrayBuffer>): Promise<IdentifiedSource> {
  const missing: string[] = [];
  const uid = async (name: string, value: string, which = ""): Promise<string> => {
    if (value !== "") return value;
    if (!missing.includes(name)) missing.push(name);
    return derivedUid([name, which, JSON.stringify(source.planes.map(({ position }) => position)), seed]);
  };
  const study = new TextDecoder("latin1").decode(source.elements.get("StudyInstanceUID") ?? new Uint8Array());
  const studyUid = await uid("StudyInstanceUID", study);
  const seriesUid = await uid("SeriesInstanceUID", source.seriesUid);
  const frameOfReferenceUid = await uid("FrameOfReferenceUID", source.frameOfReferenceUid);
  const named = new Map<SourceInstance, SourceInstance>();
  for (const [i, instance] of source.instances.entries()) {
    const sopClass = instance.sopClass || secondaryCapture;
    named.set(instance, { sopClass, uid: await uid("SOPInstanceUID", instance.uid, String(i)) });
  }
  const problem = `missing; ${missing.length === 1 ? "an identifier was" : "identifiers were"} made up, so that archives will not file the segmentation with its images`;
  return {
    source: {
      ...source,
      seriesUid,
      frameOfReferenceUid,
      instances: [...named.values()],
      planes: source.planes.map((plane) => ({ ...plane, instance: named.get(plane.instance)! })),
    },
    studyUid,
    warnings: missing.length === 0 ? [] : [{ path: source.path, field: missing.join(", "), problem }],
  };
}

/** What images without a class of their own are. */
const secondaryCapture = "1.2.840.10008.5.1.4.1.1.7";
