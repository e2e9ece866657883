import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import ts from "typescript";

/**
 * Makes TensorFlow.js's own gradients known to `@tensorflow/tfjs-core`. Its bundle for Node leaves them to the package
 * `@tensorflow/tfjs`, which has a dependency with an install script; they lie in tfjs-core as loose modules, in a syntax
 * that Node does not load from there. What they register goes into a list that all copies of tfjs-core share.
 */
export function registerGradients() {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("@tensorflow/tfjs-core"));
  const loaded = new Map();
  load(join(folder, "register_all_gradients.js"));

  function load(path) {
    if (loaded.has(path)) return loaded.get(path);
    const exports = {};
    loaded.set(path, exports);
    const source = readFileSync(path, "utf8").replace(/^\/\/# sourceMappingURL=.*$/m, "");
    const code = ts.transpile(source, { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 });
    const fromHere = (name) => (name.startsWith(".") ? load(`${join(dirname(path), name)}.js`) : require(name));
    new Function("exports", "require", code)(exports, fromHere);
    return exports;
  }
}
