import { z } from "zod";
import { pathSegmentProblem } from "../path-segment.ts";

/*
 * The numbers and short lists that artefact files are made of. Every message begins with "expected", because
 * `parseArtifact` puts the received value behind it.
 */

export const finite = z.number({ error: "expected a finite number" });
export const positive = z
  .number({ error: "expected a positive number" })
  .positive({ error: "expected a positive number" });
export const positiveInteger = z
  .number({ error: "expected a positive integer" })
  .int({ error: "expected a positive integer" })
  .positive({ error: "expected a positive integer" });
export const nonNegativeInteger = z
  .number({ error: "expected an integer of at least 0" })
  .int({ error: "expected an integer of at least 0" })
  .min(0, { error: "expected an integer of at least 0" });
export const text = z.string({ error: "expected a text" });
/** A text that becomes the name of a file or folder. */
export const segment = z.string({ error: "expected a text" }).superRefine((name, context) => {
  const message = pathSegmentProblem(name);
  if (message !== undefined) context.addIssue({ code: "custom", message });
});
export const flag = z.boolean({ error: "expected true or false" });

/** A list of exactly three, [z, y, x]. */
export function three<T extends z.ZodType>(item: T, what: string) {
  const error = `expected ${what}`;
  return z.array(item, { error }).length(3, { error });
}

/** A list of two or three, [(z,) y, x]. */
export function twoOrThree<T extends z.ZodType>(item: T, what: string) {
  const error = `expected ${what}`;
  return z.array(item, { error }).min(2, { error }).max(3, { error });
}

export function list<T extends z.ZodType>(item: T, what: string) {
  return z.array(item, { error: `expected ${what}` });
}
