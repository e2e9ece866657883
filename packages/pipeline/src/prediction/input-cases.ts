import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type CaseFiles, FileError } from "@nnunet/core";
import { describeFileError } from "@nnunet/core/node";
import { channelFileName, channelOfStem, imageStem, isDicomFile, listDicomSeries, readableEndings } from "@nnunet/io";

/**
 * The cases that a user means by one path: a file, a folder of files, a folder of one DICOM series, or a folder of such
 * folders, each of which is an image called as its folder.
 *
 * Files are grouped into cases by nnU-Net's channel suffix: `case_0000.nii.gz`, `case_0001.nii.gz`. A file without a
 * suffix is a case of its own, and must hold all channels. A number that the model has no channel for is never guessed
 * at: `PID_0001` may be channel 1 of PID or another patient.
 *
 * @param channels - names of the channels that the model needs
 * @throws {FileError} if the path is missing, holds no image, a channel of a case is missing, or a file is one that the
 *   model does not have
 */
export async function inputCases(path: string, channels: readonly string[]): Promise<CaseFiles[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (error) => {
      throw describeFileError(path, "could not be read", error);
    },
  );
  if (!isFolder) return [caseOfFile(path, await siblingsOf(path, channels), channels)];
  const images = new Set(await imagesIn(path));
  if (images.size === 0) return dicomCases(path, channels);
  return casesOf(path, images, channels, imageStem);
}

/** @param stemOf - an image's name without its ending */
function casesOf(
  path: string,
  images: ReadonlySet<string>,
  channels: readonly string[],
  stemOf: (name: string) => string | undefined,
): CaseFiles[] {
  const cases = new Map<string, CaseFiles>();
  for (const image of images) {
    const found = caseOfFile(join(path, image), images, channels, stemOf(image));
    const other = cases.get(found.id);
    if (other && other.images.join() !== found.images.join()) {
      throw new FileError(
        join(path, image),
        `gives case ${found.id}, as does ${basename(other.images[0]!)}; rename one of them`,
      );
    }
    cases.set(found.id, found);
  }
  return [...cases.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function caseOfFile(
  path: string,
  siblings: ReadonlySet<string>,
  channels: readonly string[],
  stem = imageStem(path),
): CaseFiles {
  // A DICOM file may have any name, or none that says so; reading tells.
  if (stem === undefined) return { id: basename(path).replace(/\.\w+$/, ""), images: [path] };
  const numbered = channelOfStem(stem);
  if (!numbered) return { id: stem, images: [path] };
  const { id } = numbered;
  const folder = dirname(path);
  const ending = basename(path).slice(stem.length);
  refuseSurplusChannel(path, channels, stem);
  const images = channels.map((name, channel) => {
    const file = channelFileName(id, channel, ending);
    if (!siblings.has(file)) {
      throw new FileError(
        join(folder, file),
        `missing; the model needs it as channel ${channel} (${name}) of case ${id}`,
      );
    }
    return join(folder, file);
  });
  return { id, images };
}

/** @throws {FileError} if the number at the end of a file's name is that of no channel */
function refuseSurplusChannel(path: string, channels: readonly string[], stem = imageStem(path)!): void {
  const { id, channel } = channelOfStem(stem) ?? { channel: 0 };
  if (channel < channels.length) return;
  const known = channels.map((name, i) => `${i} (${name})`).join(", ");
  const ownName = `${stem}_0000${basename(path).slice(stem.length)}`;
  throw new FileError(
    path,
    `is channel ${channel} of case ${id} by its name, and the model has no channel but ${known}; if it is a case of its own, name it ${ownName}, otherwise take it out of the folder`,
  );
}

/** The images beside a file that is named alone. With several channels it stands for its case, which must be whole. */
async function siblingsOf(path: string, channels: readonly string[]): Promise<ReadonlySet<string>> {
  const names = await imagesIn(dirname(path));
  const stem = imageStem(path);
  const id = stem === undefined ? undefined : channelOfStem(stem)?.id;
  for (const name of channels.length > 1 && id !== undefined ? names : []) {
    if (channelOfStem(imageStem(name)!)?.id === id) refuseSurplusChannel(join(dirname(path), name), channels);
  }
  return new Set(names);
}

async function imagesIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => imageStem(name) !== undefined).sort();
}

/**
 * A folder without image files is one DICOM series, whose files may have any name, or holds folders of which each is one.
 * With several channels a series is called as an image would be: `case_0000` and `case_0001` are folders side by side.
 */
async function dicomCases(folder: string, channels: readonly string[]): Promise<CaseFiles[]> {
  if ((await readdir(folder)).every((name) => name.startsWith("."))) {
    throw new FileError(folder, "the folder is empty; expected images such as case_001_0000.nii.gz");
  }
  const path = resolve(folder);
  if ((await listDicomSeries(folder)).length > 0) {
    const isChannel = channels.length > 1 && channelOfStem(basename(path)) !== undefined;
    if (!isChannel) return [{ id: basename(path), images: [folder] }];
    return [caseOfFile(path, await seriesFoldersIn(dirname(path)), channels, basename(path))];
  }
  const series = await seriesFoldersIn(folder);
  if (series.size === 0) {
    throw new FileError(folder, `no image in it (${readableEndings.join(", ")}, or the files of a DICOM series)`);
  }
  return casesOf(folder, series, channels, (name) => name);
}

/** The names of the folders in a folder that hold files of DICOM. */
async function seriesFoldersIn(folder: string): Promise<Set<string>> {
  const found = new Set<string>();
  for (const name of (await readdir(folder)).sort()) {
    const path = join(folder, name);
    const isFolder = await stat(path).then(
      (entry) => entry.isDirectory(),
      () => false,
    );
    if (!name.startsWith(".") && isFolder && (await isDicomFile(path))) found.add(name);
  }
  return found;
}
