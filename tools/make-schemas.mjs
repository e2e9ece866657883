#!/usr/bin/env node
/** Writes packages/core/schemas/*.schema.json from the zod schemas of core: `npx tsc -b && node tools/make-schemas.mjs` */
import { mkdirSync, writeFileSync } from "node:fs";
import { jsonSchemas } from "@nnunet/core";

const folder = new URL("../packages/core/schemas/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, schema] of Object.entries(jsonSchemas())) {
  writeFileSync(new URL(`${name}.schema.json`, folder), `${JSON.stringify(schema, null, 2)}\n`);
}
