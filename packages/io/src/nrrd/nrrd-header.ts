import { type Geometry, ImageFileError, UnsupportedError } from "@nnunet/core";
import { withAxes } from "../geometry/axes-to-write.ts";
import { spansSpace, splitAxisVector } from "../geometry/axis-vectors.ts";
import type { VoxelHeader } from "../voxels/headed-voxels.ts";
import { bytesOf, type StoredType } from "../voxels/stored-voxels.ts";
import { detachedFile, extents, numbers, readTextHeader } from "../files/text-header.ts";

/** What a checked NRRD header says. */
export type NrrdHeader = VoxelHeader<"gzip" | "text" | "hex">;

const typeNames: Readonly<Record<string, StoredType>> = Object.fromEntries(
  (
    [
      ["int8", "signed char,int8,int8_t"],
      ["uint8", "uchar,unsigned char,uint8,uint8_t"],
      ["int16", "short,short int,signed short,signed short int,int16,int16_t"],
      ["uint16", "ushort,unsigned short,unsigned short int,uint16,uint16_t"],
      ["int32", "int,signed int,int32,int32_t"],
      ["uint32", "uint,unsigned int,uint32,uint32_t"],
      ["int64", "longlong,long long,long long int,signed long long,signed long long int,int64,int64_t"],
      ["uint64", "ulonglong,unsigned long long,unsigned long long int,uint64,uint64_t"],
      ["float32", "float"],
      ["float64", "double"],
    ] as const
  ).flatMap(([type, names]) => names.split(",").map((name) => [name, type])),
);

/** Signs that turn the file's x, y, z into LPS. */
const spaces: Readonly<Record<string, readonly [number, number, number]>> = {
  "left-posterior-superior": [1, 1, 1],
  lps: [1, 1, 1],
  "right-anterior-superior": [-1, -1, 1],
  ras: [-1, -1, 1],
  "left-anterior-superior": [1, -1, 1],
  las: [1, -1, 1],
  // A scanner or world of its own: taken as it is, as ITK does.
  "scanner-xyz": [1, 1, 1],
  "3d-right-handed": [1, 1, 1],
  "3d-left-handed": [1, 1, 1],
};

/** Kinds of an axis along which lie the values of one voxel. */
const channelKinds =
  /^(list|vector|covariant-vector|normal|stub|scalar|point|complex|(2|3|4)-(vector|color|gradient|normal)|(rgb|rgba|hsv|xyz)-color|quaternion|none)$/i;

/**
 * Reads and checks the header of an `.nrrd` or `.nhdr` file.
 *
 * @throws {ImageFileError} naming the field that is missing or wrong
 * @throws {UnsupportedError} for bzip2, and for voxels in a list of files
 */
export async function readNrrdHeader(path: string): Promise<NrrdHeader> {
  const { lines, end } = await readTextHeader(path, (line) => line === "", true);
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  if (!/^NRRD000[1-5]$/.test(lines[0] ?? ""))
    fail("", `expected a first line "NRRD0005", got ${JSON.stringify((lines[0] ?? "").slice(0, 40))}`);
  const fields = new Map<string, string>();
  for (const line of lines.slice(1)) {
    if (line.startsWith("#")) continue;
    if (/^[^:]+:=/.test(line)) continue; // a key and value of the user's
    const field = /^([^:]+): ?(.*)$/.exec(line);
    if (!field)
      return fail("", `the header line ${JSON.stringify(line.slice(0, 60))} is neither a field nor a comment`);
    const name = field[1]!.trim().toLowerCase();
    if (fields.has(name)) fail(name, "this field occurs twice");
    fields.set(name, field[2]!.trim());
  }
  const need = (name: string): string => fields.get(name) ?? fail(name, "this field is missing");
  const typeName = need("type").toLowerCase();
  const type =
    typeNames[typeName] ?? fail("type", `${JSON.stringify(typeName)} is not a type of voxels that can be read`);
  const dimension = numbers(path, "dimension", need("dimension"), 1)[0]!;
  if (!(Number.isInteger(dimension) && dimension >= 1 && dimension <= 5))
    fail("dimension", `expected 1 to 5, got ${dimension}`);
  const sizes = extents(path, "sizes", need("sizes"), dimension);
  const { axes, channelAxis } = assignAxes(path, sizes, fields);
  const place = await placeOfVoxels(path, end, fields);
  const endian = fields.get("endian")?.toLowerCase();
  if (bytesOf[type] > 1 && place.encoding !== "text" && endian !== "little" && endian !== "big")
    fail("endian", `expected "little" or "big", got ${JSON.stringify(endian ?? "")}`);
  const extent = (i: number) => (axes[i] === undefined ? 1 : sizes[axes[i]]!);
  const channels = channelAxis === undefined ? 1 : sizes[channelAxis]!;
  const shape = [channels, extent(2), extent(1), extent(0)] as const;
  return {
    type,
    littleEndian: endian !== "big",
    ...place,
    shape,
    channelsFirst: channelAxis === 0,
    geometry: withAxes(geometryOf(path, dimension, axes, fields), shape, axes.length),
  };
}

/** Which axes of the file are x, y, z (fastest first), and which holds the channels. */
function assignAxes(
  path: string,
  sizes: readonly number[],
  fields: Map<string, string>,
): { axes: number[]; channelAxis: number | undefined } {
  const directions = fields.get("space directions");
  const kinds = fields.get("kinds")?.split(/\s+/);
  if (kinds && kinds.length !== sizes.length)
    throw new ImageFileError(path, "kinds", `expected one per axis (${sizes.length}), got ${kinds.length}`);
  const perAxis = directions === undefined ? undefined : axisVectors(path, directions, sizes.length);
  const isSpatial = sizes.map((_, i) => {
    if (perAxis) return perAxis[i] !== undefined;
    if (kinds && channelKinds.test(kinds[i]!) && !/^none$/i.test(kinds[i]!)) return false;
    return true;
  });
  let axes = sizes.map((_, i) => i).filter((i) => isSpatial[i]);
  // Without any hint the fourth axis is the channel, as in NIfTI.
  let others = sizes.map((_, i) => i).filter((i) => !isSpatial[i] && sizes[i]! > 1);
  if (axes.length > 3) {
    others = [...others, ...axes.slice(3).filter((i) => sizes[i]! > 1)];
    axes = axes.slice(0, 3);
  }
  const channelAxis = others[0];
  const before =
    channelAxis === undefined ? true : axes.every((i) => i > channelAxis) || axes.every((i) => i < channelAxis);
  if (others.length > 1 || !before || axes.length === 0) {
    throw new ImageFileError(
      path,
      "sizes",
      `[${sizes.join(", ")}]: expected up to three axes of space and one of channels, before or after them`,
    );
  }
  return { axes, channelAxis };
}

/** "(1,0,0) none (0,1,0)" → vectors; undefined for an axis that is not one of space. */
function axisVectors(path: string, text: string, count: number): (number[] | undefined)[] {
  // Five vectors of three numbers; the search below would take its time with a mebibyte of brackets.
  if (text.length > 4096) throw new ImageFileError(path, "space directions", `expected one vector per axis (${count})`);
  const parts = text.match(/none|\([^)]*(?:\)|$)|\S+/gi) ?? [];
  if (parts.length !== count)
    throw new ImageFileError(path, "space directions", `expected one vector per axis (${count}), got ${parts.length}`);
  return parts.map((part) => (/^none$/i.test(part) ? undefined : vector(path, "space directions", part)));
}

function vector(path: string, field: string, text: string): number[] {
  const inside = /^\((.*)\)$/.exec(text.trim())?.[1];
  if (inside === undefined)
    throw new ImageFileError(
      path,
      field,
      `expected a vector such as (1,0,0), got ${JSON.stringify(text.slice(0, 60))}`,
    );
  const count = inside.split(",").length;
  if (count < 2 || count > 3)
    throw new ImageFileError(path, field, `expected two or three numbers, got ${JSON.stringify(text.slice(0, 60))}`);
  return numbers(path, field, inside.replaceAll(",", " "), count);
}

function geometryOf(path: string, dimension: number, axes: readonly number[], fields: Map<string, string>): Geometry {
  const units = fields.get("space units");
  if (
    units !== undefined &&
    !(units.match(/"[^"]*"|\S+/g) ?? []).every((u) => /^"?(mm|millimeters?|millimetres?|)"?$/i.test(u))
  ) {
    throw new UnsupportedError(`the unit of length ${units} in ${path}`, "convert the file to mm");
  }
  const directions = fields.get("space directions");
  if (directions === undefined) {
    const spacings = perAxisNumbers(path, "spacings", dimension, fields);
    const spacing = [0, 1, 2].map((i) => {
      const s = Math.abs(axes[i] === undefined ? 1 : (spacings[axes[i]] ?? 1));
      if (!(s > 0 && Number.isFinite(s)))
        throw new ImageFileError(path, "spacings", `expected positive numbers, got ${fields.get("spacings")}`);
      return s;
    });
    const origin = originOfMins(path, dimension, axes, spacings, fields);
    return {
      spacing: [spacing[2]!, spacing[1]!, spacing[0]!],
      origin,
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    };
  }
  const space = fields.get("space")?.toLowerCase();
  const signs = space === undefined ? [1, 1, 1] : spaces[space];
  if (!signs)
    throw new ImageFileError(
      path,
      "space",
      `${JSON.stringify(space)} is not a space that can be read; use left-posterior-superior`,
    );
  const perAxis = axisVectors(path, directions, dimension);
  const vectors = axes.map((i) => [...perAxis[i]!, 0].slice(0, 3));
  if (vectors.length === 1) vectors.push(vectors[0]![0] === 0 ? [1, 0, 0] : [0, 1, 0]);
  if (vectors.length === 2) {
    const [a, b] = vectors as [number[], number[]];
    const normal = [a[1]! * b[2]! - a[2]! * b[1]!, a[2]! * b[0]! - a[0]! * b[2]!, a[0]! * b[1]! - a[1]! * b[0]!];
    const length = Math.hypot(...normal);
    vectors.push(normal.map((v) => v / length));
  }
  if (!vectors.flat().every(Number.isFinite) || !spansSpace(vectors)) {
    throw new ImageFileError(path, "space directions", `${directions}: the axes do not span space`);
  }
  const split = vectors.map((v) => splitAxisVector(v));
  const originText = fields.get("space origin");
  const origin = originText === undefined ? [0, 0, 0] : [...vector(path, "space origin", originText), 0].slice(0, 3);
  const toLps = (row: number, value: number) => (signs[row]! < 0 ? 0 - value : value + 0);
  return {
    spacing: [split[2]!.spacing, split[1]!.spacing, split[0]!.spacing],
    origin: [toLps(0, origin[0]!), toLps(1, origin[1]!), toLps(2, origin[2]!)],
    direction: [0, 1, 2].flatMap((row) => split.map(({ direction }) => toLps(row, direction[row]!))),
  };
}

/**
 * Where the first voxel lies by "axis mins", as teem and ITK have it: half a voxel behind the border of its cell, unless
 * "centers" says that the samples are nodes; only where every axis of space says both spacing and minimum.
 */
function originOfMins(
  path: string,
  dimension: number,
  axes: readonly number[],
  spacings: readonly (number | undefined)[],
  fields: Map<string, string>,
): [number, number, number] {
  const mins = perAxisNumbers(path, "axis mins", dimension, fields);
  const centers = fields.get("centers")?.toLowerCase().split(/\s+/);
  const starts = axes.map((axis) => {
    const [min, spacing] = [mins[axis], spacings[axis]];
    if (min === undefined || spacing === undefined) return undefined;
    return centers?.[axis] === "node" ? min : min + spacing / 2;
  });
  if (starts.some((start) => start === undefined)) return [0, 0, 0];
  return [starts[0] ?? 0, starts[1] ?? 0, starts[2] ?? 0];
}

/** One number per axis; undefined for axes that have none ("nan"), or all of them if the field is missing. */
function perAxisNumbers(
  path: string,
  field: string,
  count: number,
  fields: Map<string, string>,
): (number | undefined)[] {
  const text = fields.get(field) ?? fields.get(field.replace(" ", ""));
  if (text === undefined) return new Array<undefined>(count).fill(undefined);
  const parts = text.split(/\s+/);
  if (parts.length !== count)
    throw new ImageFileError(path, field, `expected one per axis (${count}), got ${parts.length}`);
  return parts.map((part) => (/^nan$/i.test(part) ? undefined : numbers(path, field, part, 1)[0]!));
}

const encodings: Readonly<Record<string, NrrdHeader["encoding"]>> = {
  raw: "none",
  gzip: "gzip",
  gz: "gzip",
  txt: "text",
  text: "text",
  ascii: "text",
  hex: "hex",
};

/** Where the voxels are; "byte skip" counts what is decompressed, "line skip" what is not (teem's rules). */
async function placeOfVoxels(
  path: string,
  headerEnd: number,
  fields: Map<string, string>,
): Promise<Pick<NrrdHeader, "voxelPath" | "voxelOffset" | "encoding" | "lineSkip" | "byteSkip">> {
  const encodingName = (fields.get("encoding") ?? "").toLowerCase();
  const encoding = Object.hasOwn(encodings, encodingName) ? encodings[encodingName] : undefined;
  if (encoding === undefined) {
    if (encodingName === "") throw new ImageFileError(path, "encoding", "this field is missing");
    throw new UnsupportedError(
      `the NRRD encoding ${JSON.stringify(encodingName)} of ${path}`,
      "save it with raw or gzip",
    );
  }
  const dataFile = fields.get("data file") ?? fields.get("datafile");
  if (dataFile !== undefined && /^list\b|%/i.test(dataFile)) {
    throw new UnsupportedError(`voxels in a list of files (${path})`, "save the image as one file");
  }
  const skip = (name: string, lowest: number) => {
    const text = fields.get(name) ?? fields.get(name.replace(" ", ""));
    const count = text === undefined ? 0 : numbers(path, name, text, 1)[0]!;
    if (Number.isSafeInteger(count) && count >= lowest) return count;
    throw new ImageFileError(path, name, `expected a whole number, got ${count}`);
  };
  const [lineSkip, byteSkip] = [skip("line skip", 0), skip("byte skip", -1)];
  if (dataFile === undefined && path.toLowerCase().endsWith(".nhdr"))
    throw new ImageFileError(path, "data file", "this field is missing");
  return {
    encoding,
    voxelPath: dataFile === undefined ? path : await detachedFile(path, "data file", dataFile),
    voxelOffset: dataFile === undefined ? headerEnd : 0,
    lineSkip,
    byteSkip: byteSkip === -1 ? "unknown" : byteSkip,
  };
}
