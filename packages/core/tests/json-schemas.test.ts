import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { jsonSchemas } from "@nnunet/core";

const folder = new URL("../schemas/", import.meta.url);

test("the published JSON Schemas are those of the code (run tools/make-schemas.mjs if not)", () => {
  const schemas = jsonSchemas();
  expect(readdirSync(folder).sort()).toEqual(Object.keys(schemas).map((name) => `${name}.schema.json`));
  for (const [name, schema] of Object.entries(schemas)) {
    expect(JSON.parse(readFileSync(new URL(`${name}.schema.json`, folder), "utf8"))).toEqual(
      JSON.parse(JSON.stringify(schema)),
    );
  }
});

test("a configuration is complete, or inherits", () => {
  // biome-ignore lint/suspicious/noExplicitAny: a JSON Schema
  const plans = jsonSchemas().plans as any;
  const [complete, inheriting] = plans.properties.configurations.additionalProperties.anyOf;
  expect(complete.required).toContain("patch_size");
  expect(inheriting.required).toEqual(["inherits_from"]);
  expect(plans.required).toContain("transpose_forward");
  expect(plans.required).not.toContain("explanation");
});
