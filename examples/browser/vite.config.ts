import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { defaultClientConditions, defineConfig, type Plugin } from "vite";

/*
 * Everything that the page needs lies in `dist`, the WebAssembly files of onnxruntime too: the page asks no other host.
 */

/** onnxruntime's WebAssembly: for the CPU, and with WebGPU. */
const runtimeFiles = ["ort-wasm-simd-threaded", "ort-wasm-simd-threaded.asyncify"].flatMap((name) => [
  `${name}.mjs`,
  `${name}.wasm`,
]);

/** Puts them under `ort/` by their own names, by which onnxruntime looks for them (`env.wasm.wasmPaths`). */
const onnxruntimeFiles: Plugin = {
  name: "onnxruntime-files",
  generateBundle() {
    const { resolve } = createRequire(import.meta.url);
    for (const name of runtimeFiles) {
      this.emitFile({
        type: "asset",
        fileName: `ort/${name}`,
        source: readFileSync(resolve(`onnxruntime-web/${name}`)),
      });
    }
  },
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./", // works in any folder of a server
  resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
  build: {
    target: "es2022",
    chunkSizeWarningLimit: 4000,
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  worker: { format: "es" },
  plugins: [onnxruntimeFiles],
});
