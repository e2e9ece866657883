import {
  elementCount,
  type Geometry,
  InvalidArtifactError,
  isJsonObject,
  type PreprocessedProperties,
  show,
  type VolumeShape,
} from "@nnunet/core";
import { textChecksum } from "./checksum.ts";

/** What the attributes of a stored case's group say. */
export interface CaseHeader {
  /** [channel, z, y, x] */
  readonly shape: VolumeShape;
  readonly labelled: boolean;
  readonly contentHash: string;
  /** Key of each class and how many locations it has, in the order in which they are stored. */
  readonly classLocations: readonly (readonly [key: string, length: number])[];
  readonly properties: Omit<PreprocessedProperties, "classLocations">;
}

/** Format 1 had no checksums. */
const FORMAT = "nnunet-ts preprocessed case 2";
const longestAxis = 2 ** 20;
const mostChannels = 2 ** 10;

/** The attributes of the group, with a checksum of themselves. */
export function headerToJson(header: CaseHeader): Record<string, unknown> {
  const attributes = { format: FORMAT, ...header };
  return { ...attributes, checksum: textChecksum(JSON.stringify(attributes)) };
}

/**
 * @param file - `zarr.json` of the group, named in errors
 * @throws {InvalidArtifactError} if it is of another format, damaged, or says what no case of ours can be
 */
export function headerFromJson(json: unknown, file: string): CaseHeader {
  const fail = (field: string, problem: string): never => {
    throw new InvalidArtifactError(file, field && `attributes.${field}`, `${problem}; preprocess this case again`);
  };
  const attributes = isJsonObject(json) ? json["attributes"] : undefined;
  if (!isJsonObject(attributes) || attributes["format"] !== FORMAT) return fail("format", `expected "${FORMAT}"`);
  const { checksum, ...rest } = attributes;
  if (checksum !== textChecksum(JSON.stringify(rest))) fail("checksum", "is not that of the attributes");

  const { shape, labelled, contentHash, classLocations, properties } = rest as Record<string, unknown>;
  // a label map without an image has no channel
  if (!isVolumeShape(shape, labelled === true ? 0 : 1))
    fail("shape", `expected the sizes of channels, z, y, x, got ${show(shape)}`);
  if (typeof labelled !== "boolean") fail("labelled", `expected true or false, got ${show(labelled)}`);
  if (typeof contentHash !== "string") fail("contentHash", `expected a text, got ${show(contentHash)}`);
  const isLocations = (entry: unknown) =>
    Array.isArray(entry) &&
    entry.length === 2 &&
    typeof entry[0] === "string" &&
    Number.isSafeInteger(entry[1]) &&
    entry[1] >= 0;
  if (!Array.isArray(classLocations) || !classLocations.every(isLocations)) {
    fail("classLocations", `expected pairs of class and number of voxels, got ${show(classLocations)}`);
  }
  if (!isProperties(properties)) fail("properties", "do not describe where the case comes from");
  return rest as unknown as CaseHeader;
}

/** Sizes that an array of ours can have. */
export function isVolumeShape(value: unknown, leastChannels = 1): value is VolumeShape {
  const isSize = (n: unknown, most: number, least = 1) =>
    Number.isInteger(n) && (n as number) >= least && (n as number) <= most;
  if (!(Array.isArray(value) && value.length === 4 && isSize(value[0], mostChannels, leastChannels))) return false;
  return value.slice(1).every((n) => isSize(n, longestAxis)) && Number.isSafeInteger(elementCount(value));
}

export function isGeometry(value: unknown): value is Geometry {
  return (
    isJsonObject(value) && numbers(value["spacing"], 3) && numbers(value["origin"], 3) && numbers(value["direction"], 9)
  );
}

function numbers(list: unknown, length: number): boolean {
  return Array.isArray(list) && list.length === length && list.every((n) => Number.isFinite(n));
}

function isProperties(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  const { id, geometry, cropBox } = value;
  const three = [
    "originalShape",
    "transposeForward",
    "shapeBeforeCropping",
    "shapeAfterCropping",
    "spacingAfterTranspose",
    "spacingAfterResampling",
  ];
  return (
    typeof id === "string" &&
    three.every((key) => numbers(value[key], 3)) &&
    Array.isArray(cropBox) &&
    cropBox.length === 3 &&
    cropBox.every((range) => numbers(range, 2)) &&
    isGeometry(geometry)
  );
}
