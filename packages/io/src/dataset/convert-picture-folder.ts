import { basename, join } from "node:path";
import {
  type DatasetJson,
  FileError,
  ImageFileError,
  type RawDataset,
  type StageOptions,
  type Volume,
} from "@nnunet/core";
import { makeFolder, pathBelow } from "@nnunet/core/node";
import { visibleFiles } from "../files/folder-contents.ts";
import { imageEnding, imageStem, saysItsPlace, writableEndings } from "../image-formats.ts";
import { copyImage } from "./copy-image.ts";
import { openDataset } from "./dataset-folder.ts";
import { readLabels } from "./read-labels.ts";
import { readImageInfo, writeImage } from "../image-file.ts";
import { makeDatasetFolder, newDatasetFolder } from "./new-dataset.ts";

export interface ConvertOptions extends StageOptions {
  /** The number in `Dataset004_…`; by default the one in the source's name (`Task04_…`, `Task004_…`). */
  readonly datasetId?: number;
  /** By default the rest of the source's name. */
  readonly name?: string;
}

const isPicture = (file: string) => imageEnding(file) !== undefined && !saysItsPlace(file);

/** Whether a folder holds `images/` and `labels/` with pictures. */
export async function isPictureFolder(folder: string): Promise<boolean> {
  const pictures = async (name: string) => (await visibleFiles(join(folder, name))).some(isPicture);
  return (await pictures("images")) && (await pictures("labels"));
}

/**
 * Makes an nnU-Net v2 dataset out of 2D pictures: `images/<case>.png` and `labels/<case>.png` (also TIFF, BMP, JPEG;
 * `imagesTs/` for pictures without labels).
 *
 * Colours become the channels R, G, B of one file. Label values such as 0 and 255 are renumbered 0, 1, 2, … in
 * ascending order; which value a label had stands in dataset.json under `original_label_values`. Files that need no
 * change are copied; others are written as PNG, which loses nothing.
 *
 * @throws {FileError} if a picture has no label, or a dataset of that number is already there
 * @throws {ImageFileError} if pictures differ in their number of channels, or one cannot be read
 */
export async function convertPictureFolder(
  folder: string,
  rawRoot: string,
  options: ConvertOptions,
): Promise<RawDataset> {
  const target = await newDatasetFolder(rawRoot, options.datasetId, options.name ?? basename(folder));
  const images = await picturesOf(join(folder, "images"));
  const labels = await picturesOf(join(folder, "labels"));
  const test = await picturesOf(join(folder, "imagesTs"));
  for (const [id, path] of images) {
    if (!labels.has(id)) throw new FileError(path, `there is no label ${id} in ${join(folder, "labels")}; add it`);
  }
  const channels = await commonChannels([...images.values(), ...test.values()]);
  const values = await labelValues(labels);
  const isNumbered = values.every((value, i) => value === i);
  const endings = new Set([...images.values(), ...labels.values(), ...test.values()].map((p) => imageEnding(p)!));
  const [first] = endings;
  const fileEnding = endings.size === 1 && writableEndings().includes(first!) ? first! : ".png";
  await makeDatasetFolder(target, images.size + test.size, "convert", options, async (made, step) => {
    await makeFolder(join(made, "labelsTr"));
    for (const [cases, to] of [
      [images, join(made, "imagesTr")],
      [test, join(made, "imagesTs")],
    ] as const) {
      if (cases.size > 0) await makeFolder(to);
      for (const [id, path] of cases) {
        step(id);
        await copyImage(path, pathBelow(to, `${id}_0000${fileEnding}`), { isChannel: true, within: folder });
        const label = to.endsWith("imagesTr") ? labels.get(id) : undefined;
        if (label === undefined) continue;
        const labelPath = pathBelow(made, "labelsTr", `${id}${fileEnding}`);
        if (isNumbered) await copyImage(label, labelPath, { isLabel: true, within: folder });
        else await writeImage(labelPath, renumbered(await readLabels(label), values));
      }
    }
    const names = values.slice(1).map((_, i) => (values.length === 2 ? "foreground" : `label_${i + 1}`));
    const json: DatasetJson = {
      name: basename(folder),
      channelNames: channels === 3 ? ["R", "G", "B"] : Array.from({ length: channels }, (_, c) => `channel_${c}`),
      labels: { background: 0, ...Object.fromEntries(names.map((name, i) => [name, i + 1])) },
      numTraining: images.size,
      fileEnding,
      ...(isNumbered ? {} : { other: { original_label_values: Object.fromEntries(values.map((v, i) => [i, v])) } }),
    };
    return json;
  });
  return openDataset(target);
}

/** Case id → path. */
async function picturesOf(folder: string): Promise<Map<string, string>> {
  const pictures = new Map<string, string>();
  for (const file of await visibleFiles(folder)) {
    if (!isPicture(file)) continue;
    const id = imageStem(file)!;
    const other = pictures.get(id);
    if (other !== undefined)
      throw new FileError(join(folder, file), `${basename(other)} has the same name; rename one`);
    pictures.set(id, join(folder, file));
  }
  return pictures;
}

async function commonChannels(paths: readonly string[]): Promise<number> {
  let first: number | undefined;
  for (const path of paths) {
    const { shape } = await readImageInfo(path);
    first ??= shape[0];
    if (shape[0] !== first) {
      const problem = `it has ${shape[0]} channels, but ${basename(paths[0]!)} has ${first}; all pictures must agree`;
      throw new ImageFileError(path, "", problem);
    }
  }
  return first!;
}

/** All values in the label pictures, ascending, 0 first even if it never occurs. */
async function labelValues(labels: ReadonlyMap<string, string>): Promise<number[]> {
  const found = new Set<number>([0]);
  for (const path of labels.values()) {
    const { data } = await readLabels(path);
    for (let i = 0; i < data.length; i++) if (i === 0 || data[i] !== data[i - 1]) found.add(data[i]!);
  }
  if (found.size > 256) {
    throw new ImageFileError([...labels.values()][0]!, "", `the labels have ${found.size} values; these are no labels`);
  }
  return [...found].sort((a, b) => a - b);
}

function renumbered(label: Volume, values: readonly number[]): Volume {
  const numberOf = new Map(values.map((value, i) => [value, i]));
  return { ...label, data: Uint8Array.from(label.data, (value) => numberOf.get(value)!) };
}
