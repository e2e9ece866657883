#!/usr/bin/env node
// The command itself is TypeScript, built to ../dist; this file only says so where it is not built yet.
import { existsSync } from "node:fs";

const built = new URL("../dist/index.js", import.meta.url);
if (!existsSync(built)) {
  console.error(
    "nnunet is not built yet: run `npm run demo` or `npm test` at the root of the clone once, then try again.",
  );
  process.exit(3);
}
// `nnunet … | head` ends our output early; that is no error.
process.stdout.on("error", (error) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});
const { main } = await import(built.href);
process.exitCode = await main(process.argv.slice(2));
