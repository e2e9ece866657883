import { ImageFileError, UnsupportedError } from "@nnunet/core";
import { type PageAxes, thirdAxis } from "./page-axes.ts";

/*
 * The description of an OME-TIFF file (ome-model.readthedocs.io): which page is which channel, slice and time point.
 */

const dimensionOrders = ["XYZCT", "XYZTC", "XYCTZ", "XYCZT", "XYTCZ", "XYTZC"];

/**
 * @param directories - pages in the file's chain, which TiffData elements count from 0
 * @throws {UnsupportedError} for several series, time series of volumes, and pixels in other files
 * @throws {ImageFileError} if the description contradicts itself
 */
export function omeAxes(xml: string, directories: number, path: string): PageAxes {
  const saidBy = "the OME description";
  const fail = (problem: string): never => {
    throw new ImageFileError(path, "ImageDescription", problem);
  };
  if (/<BinaryOnly[ />]/.test(xml)) {
    throw new UnsupportedError(`OME-TIFF whose description lies in another file (${path})`, "save it as one file");
  }
  const images = elements(xml, "Image", 1000);
  if (images.length > 1) {
    const what = `OME-TIFF with ${images.length === 1000 ? "1000 or more" : images.length} series (${path})`;
    throw new UnsupportedError(what, "save each series as a file of its own");
  }
  const pixels = elements(xml, "Pixels", 1)[0] ?? fail(`${saidBy} has no Pixels`);
  const size = (axis: string): number => {
    const value = Number(attribute(pixels, `Size${axis}`) ?? "1");
    return Number.isInteger(value) && value >= 1 && value < 2 ** 31 ? value : fail(`${saidBy} has a wrong Size${axis}`);
  };
  const order = attribute(pixels, "DimensionOrder") ?? "XYCZT";
  if (!dimensionOrders.includes(order)) fail(`${saidBy} has a wrong DimensionOrder`);
  const samples = Number(attribute(elements(xml, "Channel", 1)[0] ?? "", "SamplesPerPixel") ?? "1");
  if (!(Number.isInteger(samples) && samples >= 1 && size("C") % samples === 0)) {
    fail(`${saidBy} has ${size("C")} channels of ${samples} samples`);
  }
  const lengths: Readonly<Record<string, number>> = { Z: size("Z"), C: size("C") / samples, T: size("T") };
  const [channels, slices] = [lengths["C"]!, thirdAxis(lengths["Z"]!, lengths["T"]!, path)];
  const planes = channels * slices;
  if (planes > directories) fail(`${saidBy} speaks of ${planes} images, the file has ${directories} pages`);

  const pages = pagesOfPlanes(xml, planes, order.slice(2), lengths, { fail, path });
  // Where a plane stands in DimensionOrder → channels of a slice together.
  const step = steps(order.slice(2), lengths);
  const third = lengths["T"]! > 1 ? "T" : "Z";
  const ordered = Array.from({ length: planes }, (_, i) => {
    const plane = (i % channels) * step["C"]! + Math.floor(i / channels) * step[third]!;
    return (
      pages[plane] ??
      fail(`${saidBy} does not say where channel ${i % channels} of slice ${Math.floor(i / channels)} is`)
    );
  });
  const spacing = attribute(pixels, "PhysicalSizeZ")?.slice(0, 20);
  return { channels, slices, channelsSlowest: false, order: ordered, spacing, saidBy };
}

/** Page of every plane, counted in DimensionOrder. */
function pagesOfPlanes(
  xml: string,
  planes: number,
  order: string,
  lengths: Readonly<Record<string, number>>,
  { fail, path }: { fail: (problem: string) => never; path: string },
): (number | undefined)[] {
  const pages = new Array<number | undefined>(planes).fill(undefined);
  const found = elements(xml, "TiffData", planes + 1);
  if (found.length > planes) fail("the OME description has more TiffData than images");
  if (found.length === 0) return pages.map((_, i) => i);
  const files = new Set(elements(xml, "UUID", planes).map((uuid) => attribute(uuid, "FileName")));
  if (files.size > 1) throw new UnsupportedError(`OME-TIFF over several files (${path})`, "save it as one file");
  const step = steps(order, lengths);
  const wrong = "the OME description has a wrong TiffData";
  for (const element of found) {
    const number = (name: string): number | undefined => {
      const text = attribute(element, name);
      if (text === undefined) return undefined;
      return /^\d{1,9}$/.test(text) ? Number(text) : fail(wrong);
    };
    const page = number("IFD") ?? 0;
    let plane = 0;
    for (const axis of order) {
      const first = number(`First${axis}`) ?? 0;
      if (first >= lengths[axis]!) fail(wrong);
      plane += first * step[axis]!;
    }
    const count = number("PlaneCount") ?? (attribute(element, "IFD") === undefined ? planes : 1);
    if (plane + count > planes) fail(wrong);
    for (let i = 0; i < count; i++) pages[plane + i] = page + i;
  }
  return pages;
}

/** Planes from one index of an axis to the next. */
function steps(order: string, lengths: Readonly<Record<string, number>>): Record<string, number> {
  const step: Record<string, number> = {};
  let planes = 1;
  for (const axis of order) {
    step[axis] = planes;
    planes *= lengths[axis]!;
  }
  return step;
}

/** The first opening tags of one name, at most so many, with or without a namespace: `Pixels SizeX="3" …`. */
function elements(xml: string, name: string, most = Number.POSITIVE_INFINITY): string[] {
  const found: string[] = [];
  for (let at = xml.indexOf(name); at >= 0 && found.length < most; at = xml.indexOf(name, at + 1)) {
    const before = xml.slice(Math.max(0, at - 20), at);
    if (!/<(\w+:)?$/.test(before) || !/[\s/>]/.test(xml[at + name.length] ?? "")) continue;
    const end = xml.indexOf(">", at);
    if (end < 0) break;
    found.push(xml.slice(at, end));
    at = end;
  }
  return found;
}

function attribute(element: string, name: string): string | undefined {
  for (const quote of ['"', "'"]) {
    const start = element.search(new RegExp(`\\s${name}\\s?=\\s?${quote}`));
    if (start < 0) continue;
    const from = element.indexOf(quote, start) + 1;
    const to = element.indexOf(quote, from);
    if (to >= 0) return element.slice(from, to);
  }
  return undefined;
}
