#!/usr/bin/env node
/**
 * Runs a TypeScript example on any Node from 20 on, against the built packages:
 *
 *   npx tsc -b && node tools/run-example.mjs examples/import-planner.ts
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { transformSync } from "@swc/core";

const [file] = process.argv.slice(2);
if (!file) {
  console.error("Which example? node tools/run-example.mjs examples/import-planner.ts");
  process.exit(2);
}
const { code } = transformSync(readFileSync(file, "utf8"), {
  jsc: { parser: { syntax: "typescript" }, target: "es2022" },
  module: { type: "es6" },
});
// beside the example, so that its imports resolve as they do there
const script = file.replace(/\.ts$/, `.${process.pid}.mjs`);
writeFileSync(script, code);
try {
  await import(pathToFileURL(script).href);
} finally {
  rmSync(script);
}
