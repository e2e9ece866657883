import { ImageFileError, UnsupportedError } from "@nnunet/core";
import { readTextHeader } from "../files/text-header.ts";
import type { VoxelHeader } from "../voxels/headed-voxels.ts";
import type { StoredType } from "../voxels/stored-voxels.ts";

/*
 * VTK's legacy format for images ("structured points"): lines of text, then big-endian voxels. Directions are not in it.
 */

const types: Readonly<Record<string, StoredType>> = {
  unsigned_char: "uint8",
  char: "int8",
  unsigned_short: "uint16",
  short: "int16",
  unsigned_int: "uint32",
  int: "int32",
  float: "float32",
  double: "float64",
};

/** @throws {ImageFileError} if the file is cut off, its header is damaged or no VTK @throws {UnsupportedError} for anything but an image */
export async function readVtkHeader(path: string): Promise<VoxelHeader> {
  // The voxels of scalars begin after the name of their colours.
  const { lines, end } = await readTextHeader(path, (line) => /^LOOKUP_TABLE\b/i.test(line), false).catch((error) => {
    throw error instanceof ImageFileError && error.problem.startsWith("the header does not end")
      ? new UnsupportedError(`VTK that is no image of scalars (${path})`, "save it as .nii.gz")
      : error;
  });
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError(path, field, problem);
  };
  if (!/^# vtk DataFile Version/i.test(lines[0] ?? "")) fail("", "this is no VTK file, whatever its name says");
  const words = new Map(lines.slice(2).map((line) => [line.trim().split(/\s/, 1)[0]!.toUpperCase(), line.trim()]));
  const valuesOf = (field: string) => (words.get(field) ?? "").slice(0, 1000).split(/\s+/).slice(1);
  if (words.has("ASCII")) throw new UnsupportedError(`VTK as text (${path})`, "save it as binary");
  if (!words.has("BINARY")) fail("", "it says neither BINARY nor ASCII");
  const kind = valuesOf("DATASET")[0] ?? "nothing";
  if (kind.toUpperCase() !== "STRUCTURED_POINTS")
    throw new UnsupportedError(`VTK of ${kind} (${path})`, "save an image");
  const numbers = (field: string, absent?: readonly number[]): readonly number[] => {
    if (!words.has(field) && absent) return absent;
    const values = valuesOf(field).map(Number);
    return values.length === 3 && values.every(Number.isFinite) ? values : fail(field, "expected three numbers");
  };
  const [nx, ny, nz] = numbers("DIMENSIONS") as [number, number, number];
  if (![nx, ny, nz].every((n) => Number.isSafeInteger(n) && n > 0)) {
    fail("DIMENSIONS", `expected positive whole numbers, got ${[nx, ny, nz].join(" ")}`);
  }
  const spacing = numbers(words.has("SPACING") ? "SPACING" : "ASPECT_RATIO", [1, 1, 1]);
  if (!spacing.every((s) => s > 0)) fail("SPACING", `expected positive numbers, got ${spacing.join(" ")}`);
  const points = Number(valuesOf("POINT_DATA")[0]);
  if (points !== nx * ny * nz)
    fail("POINT_DATA", `expected ${nx * ny * nz}, got ${valuesOf("POINT_DATA")[0] ?? "nothing"}`);
  const [, typeName = "", components = "1"] = valuesOf("SCALARS");
  const type = types[typeName.toLowerCase()];
  if (type === undefined)
    throw new UnsupportedError(`VTK of ${typeName || "no"} scalars (${path})`, "save it as .nii.gz");
  const channels = Number(components);
  if (!(Number.isInteger(channels) && channels >= 1 && channels <= 4))
    fail("SCALARS", `expected 1 to 4 components, got ${components}`);
  return {
    type,
    littleEndian: false,
    encoding: "none",
    voxelPath: path,
    voxelOffset: end,
    isFollowed: true,
    shape: [channels, nz, ny, nx],
    channelsFirst: channels > 1,
    geometry: {
      spacing: [spacing[2]!, spacing[1]!, spacing[0]!],
      origin: numbers("ORIGIN", [0, 0, 0]) as [number, number, number],
      direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    },
  };
}
