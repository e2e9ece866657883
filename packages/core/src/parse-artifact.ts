import type { z } from "zod";
import { InvalidArtifactError } from "./errors.ts";
import { show } from "./show.ts";

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
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const keys = issue.path.map((key) => (typeof key === "symbol" ? String(key) : key));
  let value = json;
  for (const key of keys) value = (value as Record<string | number, unknown> | null | undefined)?.[key];
  const problem = value === undefined ? `is missing; ${issue.message}` : `${issue.message}, got ${show(value)}`;
  throw new InvalidArtifactError(path, fieldName([...prefix, ...keys]), problem);
}

/** `["configurations", "2d", "strides", 1]` → "configurations.2d.strides[1]" */
export function fieldName(keys: readonly (string | number)[]): string {
  return keys.map((key, i) => (typeof key === "number" ? `[${key}]` : i === 0 ? key : `.${key}`)).join("");
}
