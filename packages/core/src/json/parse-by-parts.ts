import { z } from "zod";
import { mostEntries } from "./artefact-bounds.ts";

/** One thing that is wrong, and where. */
export interface Issue {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * `schema.safeParse` that stops at the first thing that is wrong. zod collects every issue, and a file of 4 MB can have
 * a million: half a minute and gigabytes.
 *
 * Lists, tables and objects are walked here, part by part; zod judges each leaf, and the whole where the parts are
 * fine. No list or table may have more than 100,000 entries.
 */
export function parseByParts<T>(
  schema: z.ZodType<T>,
  value: unknown,
): { readonly data: T; readonly issue?: never } | { readonly data?: never; readonly issue: Issue } {
  const issue = issueOfPart(schema, value, []);
  if (issue) return { issue };
  const whole = schema.safeParse(value);
  return whole.success ? { data: whole.data } : { issue: issueOf(whole.error, []) };
}

function issueOfPart(schema: z.ZodType, value: unknown, path: (string | number)[]): Issue | undefined {
  const parts = partsOf(schema, value);
  if (parts === undefined) {
    const { error } = schema.safeParse(value);
    return error && issueOf(error, path);
  }
  const length = Array.isArray(value) ? value.length : Object.keys(value as object).length;
  if (length > mostEntries) return { path, message: `expected at most ${mostEntries} entries` };
  for (const [key, child] of parts) {
    path.push(key);
    const found = issueOfPart(child, (value as Record<string | number, unknown>)[key], path);
    if (found) return found;
    path.pop();
  }
  return undefined;
}

function issueOf({ issues }: z.ZodError, path: readonly (string | number)[]): Issue {
  const { path: inside, message } = issues[0]!;
  return { path: [...path, ...inside.map((key) => (typeof key === "symbol" ? String(key) : key))], message };
}

/** Key and schema of each part, if the schema is of lists, tables or objects and the value is one; else undefined. */
function partsOf(schema: z.ZodType, value: unknown): Iterable<[string | number, z.ZodType]> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return partsOf(schema.unwrap() as z.ZodType, value);
  }
  if (schema instanceof z.ZodUnion) {
    const kind = Array.isArray(value) ? z.ZodArray : z.ZodObject;
    const option = (schema.options as z.ZodType[]).find((one) => one instanceof kind);
    return option && partsOf(option, value);
  }
  if (Array.isArray(value)) {
    return schema instanceof z.ZodArray ? keyed(value.keys(), schema.element as z.ZodType) : undefined;
  }
  if (schema instanceof z.ZodObject) return Object.entries(schema.shape as Record<string, z.ZodType>);
  if (schema instanceof z.ZodRecord) return keyed(Object.keys(value), schema.valueType as z.ZodType);
  return undefined;
}

function* keyed<K>(keys: Iterable<K>, schema: z.ZodType): Generator<[K, z.ZodType]> {
  for (const key of keys) yield [key, schema];
}
