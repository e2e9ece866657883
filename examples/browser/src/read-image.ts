import type { ModelDataset, Volume } from "@nnunet/core";
import {
  type DicomInMemory,
  type DicomVolumeInfo,
  type ImageWarning,
  joinChannels,
  listDicomVolumes,
  type NamedBlob,
  readDicomBytes,
  readNiftiBytes,
} from "@nnunet/io/bytes";
import type { GivenImage } from "./given-image.ts";

/** An image as a model takes it, and what a DICOM segmentation of it needs. */
export interface ReadImage extends Pick<DicomInMemory, "source" | "withoutSource"> {
  readonly volume: Volume<Float32Array>;
}

type Hear = (warning: ImageWarning) => void;

/** All channels of a case, with the checks of the command line. */
export async function readGiven(given: GivenImage, dataset: ModelDataset, onWarning: Hear): Promise<ReadImage> {
  const { kind, files, name } = given;
  if (kind === "dicom") {
    const series = await readSeries(given, onWarning);
    const read = () => Promise.resolve(series.volume);
    const volume = await joinChannels({ id: name, images: [name] }, dataset, read, "the model");
    return { ...series, volume };
  }
  const byName = new Map(files.map((file) => [file.name, file]));
  const read = (file: string) => readNiftiBytes(byName.get(file)!, file, { onWarning });
  const volume = await joinChannels({ id: name, images: [...byName.keys()] }, dataset, read, "the model");
  return { volume, source: undefined, withoutSource: undefined };
}

/** Which volumes a page may choose among. */
export async function volumesOf({ files, name }: GivenImage): Promise<readonly DicomVolumeInfo[]> {
  return listDicomVolumes(blobsOf(files), name);
}

function blobsOf(files: readonly File[]): NamedBlob[] {
  return files.map((file) => ({ name: file.name, blob: file }));
}

/** The series that was read last: it is shown first, and segmented later. */
let last:
  | { readonly key: string; readonly series: DicomInMemory; readonly warnings: readonly ImageWarning[] }
  | undefined;

export async function readSeries({ files, name, choice = {} }: GivenImage, hear: Hear): Promise<DicomInMemory> {
  const { seriesUid, volume } = choice;
  const key = [[seriesUid, volume], ...files.map((file) => [file.name, file.size, file.lastModified])].join("\n");
  if (last?.key !== key) {
    last = undefined;
    const warnings: ImageWarning[] = [];
    const onWarning = (warning: ImageWarning) => warnings.push(warning);
    const series = await readDicomBytes(blobsOf(files), name, { ...choice, onWarning });
    last = { key, series, warnings };
  }
  for (const warning of last.warnings) hear(warning);
  return last.series;
}
