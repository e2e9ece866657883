import { z } from "zod";
import { fingerprintSchema } from "../dataset/fingerprint-json.ts";
import { plansSchema } from "../plans/plans-schema.ts";

/**
 * JSON Schemas (draft 2020-12) of the artefacts, by file name: what `plansFromJson` and `fingerprintFromJson` check
 * first. Published in `schemas/`; an editor that knows them completes and checks a plan edited by hand.
 *
 * @example Object.keys(jsonSchemas()); // ["dataset_fingerprint", "plans"]
 */
export function jsonSchemas(): Record<"dataset_fingerprint" | "plans", object> {
  const of = (schema: z.ZodType) => z.toJSONSchema(schema, { io: "input", target: "draft-2020-12" });
  return { dataset_fingerprint: of(fingerprintSchema), plans: of(plansSchema) };
}
