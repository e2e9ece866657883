import type { DicomChoice } from "../image-format.ts";
import type { DicomImage } from "./dicom-image.ts";
import { groupBySeries, volumesOf, withoutLocalizers } from "./dicom-volume.ts";

/** One of the volumes among files of DICOM, and by which choice the reader takes it. */
export interface DicomVolumeInfo {
  /** `volume` only where its series holds several. */
  readonly choice: DicomChoice & { readonly seriesUid: string };
  readonly modality: string;
  /** "t2 tse sag", as the scanner named its series; may be empty. */
  readonly description: string;
  /** What tells it from the other volumes of its series: "EchoTime 4.6"; empty where there are none. */
  readonly label: string;
  readonly slices: number;
}

/** All volumes, by their series and in the order in which the reader counts them. */
export function volumesAmong(path: string, images: readonly DicomImage[]): DicomVolumeInfo[] {
  return groupBySeries(images).flatMap((series) => {
    const { seriesUid, modality, description } = series[0]!;
    const volumes = told(path, series);
    return volumes.map(({ frames, label }, i) => ({
      choice: volumes.length === 1 ? { seriesUid } : { seriesUid, volume: i + 1 },
      modality,
      description,
      label,
      slices: frames.length,
    }));
  });
}

/** A series whose volumes nothing tells apart is one; the reader says what is wrong with it. */
function told(path: string, series: readonly DicomImage[]) {
  try {
    return volumesOf(path, withoutLocalizers(path, series).images);
  } catch {
    return [{ frames: series.flatMap(({ frames }) => frames), label: "" }];
  }
}
