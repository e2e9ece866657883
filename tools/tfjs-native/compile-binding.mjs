import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { Unusable } from "./unusable.mjs";

/**
 * Compiles tfjs-node's binding, from the sources that its package carries, to where the package looks for it. The binding
 * finds TensorFlow where it lies: by a relative path where that is inside the package, else by the whole path.
 *
 * @param {string} packageFolder - node_modules/@tensorflow/tfjs-node[-gpu]
 * @param {{ include: string[], libraryFolder: string, libraries: string[] }} tensorflow
 * @param {string | undefined} nodeHeaders
 * @returns {string} the binding
 * @throws {Unusable}
 */
export function compileBinding(packageFolder, tensorflow, nodeHeaders) {
  const { binary } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"));
  const version = Math.max(...binary.napi_versions.filter((v) => v <= Number(process.versions.napi)));
  const folder = join(packageFolder, binary.module_path.replace("{napi_build_version}", String(version)));
  const binding = join(folder, `${binary.module_name}.node`);
  const made = `${binding}.${process.pid}.tmp`;
  mkdirSync(folder, { recursive: true });
  const compiler = process.env.CXX || "g++";
  const args = [
    ...["-O2", "-std=c++17", "-fPIC", "-shared", "-w", `-DNAPI_VERSION=${version}`],
    `-DNODE_GYP_MODULE_NAME=${binary.module_name}`,
    ...[packageFolder, ...tensorflow.include, headersOf(nodeHeaders)].map((path) => `-I${path}`),
    ...["tfjs_backend.cc", "tfjs_binding.cc"].map((file) => join(packageFolder, "binding", file)),
    ...["-o", made, `-L${tensorflow.libraryFolder}`],
    ...tensorflow.libraries.map((library) => `-l:${library}`),
    `-Wl,-rpath,${rpath(packageFolder, folder, tensorflow.libraryFolder)}`,
  ];
  try {
    const { status, error, stderr } = spawnSync(compiler, args, { encoding: "utf8" });
    if (error?.code === "ENOENT") throw new Unusable(`${compiler} is not installed; set CXX to a C++17 compiler`);
    if (status !== 0) throw new Unusable(`${compiler} could not build the binding:\n${stderr.slice(0, 4000)}`);
    renameSync(made, binding);
  } finally {
    rmSync(made, { force: true });
  }
  return binding;
}

function rpath(packageFolder, bindingFolder, libraryFolder) {
  const inside = !relative(packageFolder, libraryFolder).startsWith("..");
  return inside ? `$ORIGIN/${relative(bindingFolder, libraryFolder)}` : libraryFolder;
}

/** Beside this Node, where it was installed with its headers; else of npm's node-api-headers, where that is installed. */
function headersOf(given) {
  const beside = resolve(dirname(process.execPath), "../include/node");
  const found = (
    given === undefined ? [beside, resolve("node_modules/node-api-headers/include")] : [resolve(given)]
  ).find((folder) => existsSync(join(folder, "node_api.h")));
  if (found === undefined) {
    throw new Unusable(
      `node_api.h is not in ${given ?? beside}; \`npm install node-api-headers\` brings it, or name its folder by --node-headers`,
    );
  }
  return found;
}
