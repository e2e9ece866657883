import { elementCount, type Geometry, ImageFileError, UnsupportedError } from "@nnunet/core";
import { regularFile } from "@nnunet/core/node";
import { withAxes } from "../geometry/axes-to-write.ts";
import { spansSpace } from "../geometry/axis-vectors.ts";
import type { VoxelHeader } from "../voxels/headed-voxels.ts";
import { bytesOf, type StoredType } from "../voxels/stored-voxels.ts";
import { detachedFile, extents, numbers, readTextHeader } from "../files/text-header.ts";

/** What a checked MetaImage header says. */
export type MetaImageHeader = VoxelHeader<"zlib">;

const types: Readonly<Record<string, StoredType>> = {
  MET_CHAR: "int8",
  MET_UCHAR: "uint8",
  MET_SHORT: "int16",
  MET_USHORT: "uint16",
  MET_INT: "int32",
  MET_UINT: "uint32",
  MET_LONG: "int32",
  MET_ULONG: "uint32",
  MET_LONG_LONG: "int64",
  MET_ULONG_LONG: "uint64",
  MET_FLOAT: "float32",
  MET_DOUBLE: "float64",
};

/**
 * Reads and checks the header of an `.mha` or `.mhd` file.
 *
 * @throws {ImageFileError} naming the field that is missing or wrong
 * @throws {UnsupportedError} for voxels as text or in a list of files
 */
export async function readMetaImageHeader(path: string): Promise<MetaImageHeader> {
  const { lines, end } = await readTextHeader(path, (line) => /^ElementDataFile\s*=/.test(line), false);
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  const fields = new Map<string, string>();
  for (const line of lines) {
    const field = /^(\w+)\s*=\s*(.*)$/s.exec(line);
    if (!field) return fail("", `the header line ${JSON.stringify(line.slice(0, 60))} is not of the form key = value`);
    if (fields.has(field[1]!)) fail(field[1]!, "this field occurs twice");
    fields.set(field[1]!, field[2]!.trim());
  }
  const need = (name: string): string => fields.get(name) ?? fail(name, "this field is missing");
  const flag = (names: readonly string[], absent: boolean): boolean => {
    const name = names.find((n) => fields.has(n));
    if (name === undefined) return absent;
    const text = fields.get(name)!;
    return (
      /^(true|t|1)$/i.test(text) ||
      (/^(false|f|0)$/i.test(text) ? false : fail(name, `expected True or False, got ${JSON.stringify(text)}`))
    );
  };
  const objectType = fields.get("ObjectType") ?? "Image"; // ITK's own examples have files without
  if (objectType !== "Image") fail("ObjectType", `expected "Image", got ${JSON.stringify(objectType)}`);
  const count = numbers(path, "NDims", need("NDims"), 1)[0]!;
  if (![1, 2, 3, 4].includes(count)) fail("NDims", `expected 1 to 4, got ${count}`);
  const sizes = extents(path, "DimSize", need("DimSize"), count);
  const typeName = need("ElementType");
  const type =
    types[typeName] ?? fail("ElementType", `${JSON.stringify(typeName)} is not a type of voxels that can be read`);
  const components = fields.has("ElementNumberOfChannels")
    ? extents(path, "ElementNumberOfChannels", need("ElementNumberOfChannels"), 1)[0]!
    : 1;
  if (components > 1 && (sizes[3] ?? 1) > 1) fail("ElementNumberOfChannels", "expected 1 for an image of four axes");
  if (!flag(["BinaryData"], true))
    throw new UnsupportedError(`text voxels (BinaryData = False) in ${path}`, "save it with binary data");
  const encoding = flag(["CompressedData"], false) ? "zlib" : "none";
  const length = elementCount(sizes) * components * bytesOf[type];
  const headerSize = fields.has("HeaderSize") ? numbers(path, "HeaderSize", need("HeaderSize"), 1)[0]! : 0;
  if (!(Number.isSafeInteger(headerSize) && headerSize >= -1) || (headerSize !== 0 && encoding === "zlib")) {
    fail("HeaderSize", `expected a whole number (0 for compressed data), got ${headerSize}`);
  }
  const { voxelPath, start } = await placeOfVoxels(path, need("ElementDataFile"), end);
  const { size } = await regularFile(voxelPath);
  if (headerSize === -1 && size < length)
    fail("ElementDataFile", `the header promises ${length} bytes of voxels, the file has ${size}; it is cut off`);
  const compressedSize = fields.get("CompressedDataSize");
  if (encoding === "zlib" && compressedSize !== undefined) {
    const promised = numbers(path, "CompressedDataSize", compressedSize, 1)[0]!;
    if (promised !== 0 && start + promised !== size)
      fail(
        "CompressedDataSize",
        `expected ${size - start}, what is left of the file, got ${promised}; the file is cut off or damaged`,
      );
  }
  const shape = [components * (sizes[3] ?? 1), sizes[2] ?? 1, sizes[1] ?? 1, sizes[0]!] as const;
  return {
    type,
    littleEndian: !flag(["BinaryDataByteOrderMSB", "ElementByteOrderMSB"], false),
    encoding,
    voxelPath,
    voxelOffset: headerSize === -1 ? size - length : start + headerSize,
    shape,
    channelsFirst: components > 1,
    geometry: withAxes(geometryOf(path, count, fields), shape, count),
  };
}

async function placeOfVoxels(
  path: string,
  dataFile: string,
  headerEnd: number,
): Promise<{ voxelPath: string; start: number }> {
  if (/^local$/i.test(dataFile)) return { voxelPath: path, start: headerEnd };
  if (/^list\b/i.test(dataFile) || dataFile.includes("%")) {
    throw new UnsupportedError(`voxels in a list of files (${path})`, "save the image as one file");
  }
  return { voxelPath: await detachedFile(path, "ElementDataFile", dataFile), start: 0 };
}

/** MetaImage is LPS; its matrix lists the direction of the first axis, then that of the second, … */
function geometryOf(path: string, count: number, fields: Map<string, string>): Geometry {
  const read = (names: readonly string[], n: number): number[] | undefined => {
    const name = names.find((key) => fields.has(key));
    return name === undefined ? undefined : numbers(path, name, fields.get(name)!, n);
  };
  const spacing = read(["ElementSpacing", "ElementSize"], count);
  const [sx, sy, sz] = [0, 1, 2].map((i) => (i < count ? (spacing?.[i] ?? 1) : 1)) as [number, number, number];
  if (![sx, sy, sz].every((s) => s > 0))
    throw new ImageFileError(path, "ElementSpacing", `expected positive numbers, got ${fields.get("ElementSpacing")}`);
  const offset = read(["Offset", "Position", "Origin"], count) ?? [];
  const matrix = read(["TransformMatrix", "Rotation", "Orientation"], count * count);
  const entry = (axis: number, row: number): number => {
    if (matrix && axis < count && row < count) return matrix[axis * count + row]!;
    return axis === row ? 1 : 0;
  };
  const columns = [0, 1, 2].map((axis) => [0, 1, 2].map((row) => entry(axis, row) + 0));
  if (!spansSpace(columns)) throw new ImageFileError(path, "TransformMatrix", "the axes do not span space");
  return {
    spacing: [sz, sy, sx],
    origin: [(offset[0] ?? 0) + 0, (offset[1] ?? 0) + 0, count > 2 ? (offset[2] ?? 0) + 0 : 0],
    direction: [0, 1, 2].flatMap((row) => columns.map((column) => column[row]!)),
  };
}
