import type { z } from "zod";
import { InvalidArtifactError } from "../errors.ts";
import { parseByParts } from "./parse-by-parts.ts";
import { printableName } from "../text/printable.ts";
import { show } from "../text/show.ts";

/**
 * Validates JSON against a schema whose messages say what was expected; turns the first problem into one sentence.
 *
 * @param path - the file (or what stands for it), named in the error
 * @param prefix - where in the file `json` stands, if it is a part of it
 * @throws {InvalidArtifactError} "plans.json → configurations.2d.batch_size: expected a positive integer, got -1"
 */
export function parseArtifact<T>(
  schema: z.ZodType<T>,
  json: unknown,
  path: string,
  prefix: readonly (string | number)[] = [],
): T {
  const { data, issue } = parseByParts(schema, json);
  if (!issue) return data;
  let value = json;
  for (const key of issue.path) value = (value as Record<string | number, unknown> | null | undefined)?.[key];
  const problem = value === undefined ? `is missing; ${issue.message}` : `${issue.message}, got ${show(value)}`;
  throw new InvalidArtifactError(path, fieldName([...prefix, ...issue.path]), problem);
}

/** `["configurations", "2d", "strides", 1]` → "configurations.2d.strides[1]" */
export function fieldName(keys: readonly (string | number)[]): string {
  return keys
    .map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${shortName(key)}`))
    .join("");
}

/** A name for the path of a field; one of a million letters is cut. */
export function shortName(name: string): string {
  return printableName(name, 60);
}

/** Names for a sentence: "2d, 3d_fullres"; of many the first eight and how many there are. */
export function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 8).map(shortName).join(", ");
  return names.length > 8 ? `${shown}, … (${names.length} in all)` : shown;
}
