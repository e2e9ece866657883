#!/usr/bin/env node
// The command itself is TypeScript, built to ../dist; this file only says so where it is not built yet.
import { existsSync } from "node:fs";

const built = new URL("../dist/shell/supervise.js", import.meta.url);
if (!existsSync(built)) {
  console.error(
    "nnunet is not built yet: run `npm run demo` or `npm test` at the root of the clone once, then try again.",
  );
  process.exit(3);
}
const { supervise } = await import(built.href);
process.exit(await supervise(process.argv.slice(2)));
