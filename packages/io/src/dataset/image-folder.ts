import { join } from "node:path";
import { isNnunetError } from "@nnunet/core";
import { visibleFiles } from "../files/folder-contents.ts";
import { imageFiles } from "../image-files.ts";
import { imageEnding } from "../image-formats.ts";

/** The visible files of a folder, told apart. */
export interface ImageFolder {
  /** Names of images, each once: of a pair the file that has the dataset's ending. */
  readonly images: readonly string[];
  /** Names of files that belong to one of the images: voxels of a header, the spacing of a TIFF. */
  readonly companions: ReadonlySet<string>;
}

/**
 * Which files of a folder are images and which belong to one. Of an image whose header cannot be read every file of
 * its name counts as its own, so that nothing is called superfluous that may be needed.
 *
 * @param fileEnding - the dataset's, which counts as an image's whatever it is
 */
export async function imageFolder(folder: string, fileEnding: string): Promise<ImageFolder> {
  const names = await visibleFiles(folder);
  const endingOf = (name: string) => (name.endsWith(fileEnding) ? fileEnding : imageEnding(name));
  const images = names.filter((name) => endingOf(name) !== undefined);
  const companions = new Set<string>();
  for (const image of images) {
    const stem = image.slice(0, -endingOf(image)!.length);
    const files = await imageFiles(join(folder, image)).catch((error: unknown) => {
      if (!isNnunetError(error)) throw error;
      return names.filter((name) => name.startsWith(`${stem}.`)).map((name) => join(folder, name));
    });
    for (const file of files) {
      const name = file.slice(folder.length).replace(/^[/\\]+/, "");
      const isOther = endingOf(image) === fileEnding && endingOf(name) !== fileEnding;
      if (isOther || !images.includes(name)) companions.add(name);
    }
  }
  return { images: images.filter((name) => !companions.has(name)), companions };
}
