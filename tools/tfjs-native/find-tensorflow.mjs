import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { Unusable } from "./unusable.mjs";

/** Of a wheel, nothing else is wanted: the Python in it is three times as much. */
const wanted = ["tensorflow/include/*", "tensorflow/libtensorflow*.so*"];

/**
 * A TensorFlow that a binding can be built against.
 *
 * @param {string} given - a wheel, a libtensorflow archive, or a folder with either unpacked
 * @param {string} place - where a file is unpacked to; replaced only when all went well
 * @returns {{ include: string[], libraryFolder: string, libraries: string[] }} folders for the compiler, and the names of
 *   the libraries to link: the one with the C interface first
 * @throws {Unusable}
 */
export function findTensorflow(given, place) {
  const path = resolve(given);
  if (!existsSync(path)) throw new Unusable(`${path}: there is nothing`);
  if (statSync(path).isDirectory()) return look(path);
  const kind = /\.whl$/.test(path) ? "wheel" : /\.(tar\.gz|tgz)$/.test(path) ? "archive" : undefined;
  if (kind === undefined) throw new Unusable(`${path}: expected a folder, a .whl or a .tar.gz`);
  mkdirSync(place, { recursive: true });
  const scratch = mkdtempSync(join(place, "unpacking-"));
  const unpacked = join(place, "tensorflow");
  try {
    if (kind === "wheel") run("unzip", ["-q", path, ...wanted, "-d", scratch]);
    else run("tar", ["-xzf", path, "-C", scratch]);
    look(scratch);
    rmSync(unpacked, { recursive: true, force: true });
    renameSync(scratch, unpacked);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return look(unpacked);
}

/** Both forms: tensorflow/{include,libtensorflow_cc.so.2} of a wheel, {include,lib/libtensorflow.so.2} of an archive. */
function look(folder) {
  const roots = [folder, join(folder, "tensorflow")];
  const root = roots.find((r) => existsSync(join(r, "include/tensorflow/c/c_api.h")));
  if (root === undefined) {
    throw new Unusable(`${folder}: include/tensorflow/c/c_api.h is missing; it is no TensorFlow with its headers`);
  }
  const places = [join(root, "lib"), root];
  const libraryFolder = places.find((p) => libraryIn(p, "libtensorflow_framework") !== undefined);
  const main =
    libraryFolder && (libraryIn(libraryFolder, "libtensorflow_cc") ?? libraryIn(libraryFolder, "libtensorflow"));
  if (!main) {
    const problem = "libtensorflow_cc.so.2 (or libtensorflow.so.2) and libtensorflow_framework.so.2 are missing";
    throw new Unusable(`${root}: ${problem}; wheels of Linux have them since TensorFlow 2.9`);
  }
  const include = [join(root, "include"), join(root, "include/external/local_xla")].filter((p) => existsSync(p));
  return { include, libraryFolder, libraries: [main, libraryIn(libraryFolder, "libtensorflow_framework")] };
}

/** "libtensorflow_cc" → "libtensorflow_cc.so.2" */
function libraryIn(folder, name) {
  return existsSync(folder)
    ? readdirSync(folder).find((file) => new RegExp(`^${name}\\.so(\\.2)?$`).test(file))
    : undefined;
}

function run(command, args) {
  const { status, error, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (error?.code === "ENOENT")
    throw new Unusable(`${command} is not installed, which unpacks ${args.find((a) => a.includes("/"))}`);
  if (status !== 0) throw new Unusable(`${command} could not unpack: ${stderr.trim().split("\n").at(-1)}`);
}
