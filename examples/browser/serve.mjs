#!/usr/bin/env node
/**
 * Builds the page and serves it to this machine alone, until it is ended:
 *
 *   npm run example:browser
 *   node examples/browser/serve.mjs --port 9000 --out FOLDER    another port (0: any), another folder to build into
 *   node examples/browser/serve.mjs --no-build --no-isolation   what was built before; without the two headers
 *
 * Two headers make the page cross-origin isolated, without which browsers give WebAssembly no threads.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build, preview } from "vite";

const configFile = fileURLToPath(new URL("vite.config.ts", import.meta.url));
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

const { values } = parseArgs({
  options: {
    port: { type: "string", default: "8080" },
    out: { type: "string", default: "dist" },
    "no-build": { type: "boolean", default: false },
    "no-isolation": { type: "boolean", default: false },
  },
});
const common = { configFile, logLevel: "warn" };
if (!values["no-build"]) {
  console.log("Building the page …");
  await build({ ...common, build: { outDir: values.out, emptyOutDir: true } });
}
const server = await preview({
  ...common,
  build: { outDir: values.out },
  preview: {
    host: "127.0.0.1",
    port: Number(values.port),
    strictPort: values.port === "0",
    headers: values["no-isolation"] ? {} : isolation,
  },
});
console.log(`http://127.0.0.1:${server.httpServer.address().port}/\nFor this machine alone; Ctrl-C ends it.`);
