#!/usr/bin/env node
/**
 * Builds the native part of `@tensorflow/tfjs-node` or `@tensorflow/tfjs-node-gpu` against a TensorFlow that you have:
 * where its own download does not reach its host, or for a newer TensorFlow and CUDA than it would download. Linux.
 *
 *   npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0
 *   node tools/tfjs-native/build.mjs --tensorflow <tensorflow> [--package <folder>] [--node-headers <folder>]
 *
 * - `--tensorflow`: a wheel from PyPI (tensorflow_cpu-2.18.0-….whl), a libtensorflow archive (.tar.gz), or a folder with
 *   either unpacked (`site-packages/tensorflow` of a Python that has it). A folder is used where it lies, so it has to
 *   stay; of a file, what is needed is unpacked into the package.
 * - `--package`: the package; node_modules/@tensorflow/tfjs-node-gpu or tfjs-node of this folder, whichever is there
 * - `--node-headers`: a folder with node_api.h; that of this Node by default
 *
 * Needs a C++17 compiler ($CXX, else g++), and unzip for a wheel. docs/tensorflow.md tells the whole story.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compileBinding } from "./compile-binding.mjs";
import { findTensorflow } from "./find-tensorflow.mjs";
import { Unusable } from "./unusable.mjs";

const text = { type: "string" };
try {
  const { values } = parseArgs({ options: { tensorflow: text, package: text, "node-headers": text } });
  if (!values.tensorflow) throw new Unusable("--tensorflow is missing: a wheel, a .tar.gz or a folder");
  if (process.platform !== "linux") throw new Unusable(`this builds on Linux, and here is ${process.platform}`);
  const packageFolder = findPackage(values.package);
  const tensorflow = findTensorflow(values.tensorflow, join(packageFolder, "deps"));
  console.log(`TensorFlow: ${tensorflow.libraryFolder} (${tensorflow.libraries.join(", ")})`);
  console.log(`built: ${compileBinding(packageFolder, tensorflow, values["node-headers"])}`);
  console.log(tryIt(packageFolder));
} catch (error) {
  const usage = error.code?.startsWith("ERR_PARSE_ARGS");
  if (!usage && !(error instanceof Unusable)) throw error;
  console.error(`error: ${error.message}`);
  process.exit(usage ? 2 : 3);
}

function findPackage(given) {
  const names = ["tfjs-node-gpu", "tfjs-node"].map((name) => resolve("node_modules/@tensorflow", name));
  const folder = (given === undefined ? names : [resolve(given)]).find((f) => existsSync(join(f, "binding")));
  if (folder !== undefined) return folder;
  const looked = given === undefined ? names.join(" nor ") : resolve(given);
  throw new Unusable(
    `${looked}: there is no tfjs-node; install it first: npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0 (or tfjs-node-gpu)`,
  );
}

/** A convolution and its gradients, in a process of its own: a library that does not fit may end it. */
function tryIt(packageFolder) {
  const script = `
    const tf = require(${JSON.stringify(packageFolder)});
    const [x, w] = [tf.ones([1, 4, 4, 4, 2]), tf.ones([3, 3, 3, 2, 2])];
    const [dx, dw] = tf.grads((a, b) => tf.sum(tf.conv3d(a, b, 1, "same")))([x, w]);
    const sums = [tf.sum(dx).arraySync(), tf.sum(dw).arraySync()];
    if (sums.some((s) => s !== 4000)) throw new Error("the gradients of a convolution sum up to " + sums + ", not 4000");
    const { binding, isUsingGpuDevice } = tf.backend();
    console.log("tried: TensorFlow " + binding.TF_Version + " on the " + (isUsingGpuDevice ? "GPU" : "CPU"));`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: process.env.TF_CPP_MIN_LOG_LEVEL ?? "1" };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", env });
  if (status === 0) return stdout.trim();
  throw new Unusable(`the package does not work with it (${signal ?? `exit code ${status}`}):\n${stderr.slice(-4000)}`);
}
