import { elementCount, ImageFileError, parseJson, UnsupportedError } from "@nnunet/core";
import type { TiffPage } from "./tiff-page.ts";

/** What a description says about the images of a file. */
export interface PageAxes {
  /** Channels that are pages of their own. */
  readonly channels: number;
  readonly slices: number;
  /** All slices of the first channel come first; else the channels of a slice follow each other. */
  readonly channelsSlowest: boolean;
  /** Page of each image, channels of a slice together, where the description names them. */
  readonly order?: readonly number[];
  /** How far slices are apart, as the description has it; nnU-Net does not look at it, nor do we. */
  readonly spacing?: string | undefined;
  /** Who says so, for errors. */
  readonly saidBy: string;
}

/**
 * Of time points and slices only one can be the third axis; a stack of frames is a stack.
 *
 * @throws {UnsupportedError} if there are several of both
 */
export function thirdAxis(slices: number, frames: number, path: string): number {
  if (slices > 1 && frames > 1) {
    const what = `a TIFF series of ${frames} time points of ${slices} slices (${path})`;
    throw new UnsupportedError(what, "save each time point as a file of its own");
  }
  return slices * frames;
}

/** ImageJ's description: `ImageJ=1.54f`, `images=12`, `channels=2`, `slices=6`, `frames=…`, one a line; channels fastest. */
export function imageJAxes(description: string, path: string): PageAxes {
  const saidBy = "ImageJ's description";
  const lines = new Map(
    description.split("\n", 100).map((line) => {
      const equals = line.indexOf("=");
      return [line.slice(0, Math.max(0, equals)), line.slice(equals + 1).trim()] as const;
    }),
  );
  const number = (name: string, absent: number): number => {
    const text = lines.get(name);
    if (text === undefined) return absent;
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1 && value < 2 ** 31) return value;
    throw new ImageFileError(path, "ImageDescription", `${saidBy} gives ${JSON.stringify(text.slice(0, 40))} ${name}`);
  };
  const [channels, frames, given] = [number("channels", 1), number("frames", 1), number("slices", 1)];
  const images = number("images", channels * frames * given);
  // Without a word on the axes, the images are a stack.
  const slices = channels * frames * given === 1 ? images : given;
  if (channels * slices * frames !== images) {
    const product = `${channels} channels × ${slices} slices × ${frames} frames`;
    throw new ImageFileError(path, "ImageDescription", `${saidBy} speaks of ${images} images, and of ${product}`);
  }
  const spacing = lines.get("spacing")?.slice(0, 20);
  return { channels, slices: thirdAxis(slices, frames, path), channelsSlowest: false, spacing, saidBy };
}

/**
 * tifffile's description: `{"shape": [6, 512, 512], "axes": "ZYX"}`. Without names, an axis before those of the page is
 * the slices.
 *
 * @returns undefined if it is not of this kind
 */
export function shapedAxes(description: string, page: TiffPage, path: string): PageAxes | undefined {
  let said: { shape?: unknown; axes?: unknown } | null;
  try {
    said = parseJson(description, path) as typeof said;
  } catch {
    return undefined;
  }
  if (said === null) return undefined;
  const { shape } = said;
  const isShape = Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && (n as number) > 0);
  if (!isShape) return undefined;
  const lengths = shape as number[];
  const { samples, height, width, isPlanar } = page;
  // [y, x], [y, x, sample] or [sample, y, x]; axes of 1 may be left out.
  const own = samples === 1 ? [height, width] : isPlanar ? [samples, height, width] : [height, width, samples];
  let outer = lengths.length;
  while (outer > 0 && elementCount(lengths.slice(outer)) < elementCount(own)) outer--;
  // The file was written as something else, and the description stayed.
  if (elementCount(lengths.slice(outer)) !== elementCount(own)) return undefined;
  const names = typeof said.axes === "string" && said.axes.length === lengths.length ? said.axes : "";
  const axes = lengths.slice(0, outer).map((length, i) => ({ length, name: names[i] ?? "?" }));
  const long = axes.filter(({ length }) => length > 1);
  const channels = long.filter(({ name }) => name === "C");
  const others = long.filter(({ name }) => name !== "C");
  if (channels.length > 1 || others.length > 1) {
    const sizes = lengths.join(" × ");
    throw new UnsupportedError(`a TIFF series of ${sizes} values (${path})`, "save each volume as a file of its own");
  }
  return {
    channels: channels[0]?.length ?? 1,
    slices: others[0]?.length ?? 1,
    channelsSlowest: long[0]?.name === "C" && long.length > 1,
    saidBy: "tifffile's description",
  };
}
