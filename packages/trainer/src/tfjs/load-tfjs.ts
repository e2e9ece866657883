import { createRequire } from "node:module";
import { UnsupportedError } from "@nnunet/core";
import type { CompileOptions } from "../engine.ts";
import type { Tf } from "./tensor-tape.ts";
import type { LoadedTfjs } from "./loaded-tfjs.ts";

const gpuPackage = "@tensorflow/tfjs-node-gpu";
const cpuPackage = "@tensorflow/tfjs-node";

/** How a package is loaded; a test gives its own. Fails with the code of a missing module where it is not installed. */
export type ImportPackage = (name: string) => unknown;

const require = createRequire(import.meta.url);

/**
 * TensorFlow.js on TensorFlow itself: `@tensorflow/tfjs-node-gpu` where it is installed, else `@tensorflow/tfjs-node`.
 * Both are optional peers, asked for when a training begins and never before. A package that is installed but does not
 * load is an error: another is not taken in its place.
 *
 * @throws {UnsupportedError} if neither is installed, one does not load, or there is no such device
 */
export function loadTfjs(
  { device, threads }: Pick<CompileOptions, "device" | "threads">,
  importPackage: ImportPackage = require,
): LoadedTfjs {
  if (device === "webgpu") {
    throw new UnsupportedError('device "webgpu" with engine "tfjs"', 'take "cpu" or "cuda", or engine "ort"');
  }
  prepareEnvironment(device, threads);
  const names = device === "cpu" ? [cpuPackage, gpuPackage] : [gpuPackage, cpuPackage];
  for (const name of names) {
    const tf = installed(name, importPackage);
    if (tf === undefined) continue;
    const gpu = usesGpu(tf);
    if (device === "cuda" && !gpu) {
      throw new UnsupportedError(
        'device "cuda" with engine "tfjs"',
        `${name} sees no GPU; docs/tensorflow.md tells what it needs`,
      );
    }
    return { tf, description: `${name} ${versionOf(tf)}, ${gpu ? "GPU" : "CPU"}` };
  }
  throw new UnsupportedError(
    `engine "tfjs" without ${gpuPackage} or ${cpuPackage}`,
    `install one of them beside nnunet-ts (npm install ${cpuPackage}@4.22.0); docs/tensorflow.md tells how where its download fails, and for a newer CUDA`,
  );
}

/** Whether `@tensorflow/tfjs-node-gpu` is installed, loads and sees a GPU; why not, where it does not. */
export function seesGpu(importPackage: ImportPackage = require): { readonly gpu: boolean; readonly why: string } {
  prepareEnvironment(undefined, undefined);
  try {
    const tf = installed(gpuPackage, importPackage);
    if (tf === undefined) return { gpu: false, why: `${gpuPackage} is not installed` };
    return usesGpu(tf)
      ? { gpu: true, why: `${gpuPackage} sees a GPU` }
      : { gpu: false, why: `${gpuPackage} sees no GPU` };
  } catch (error) {
    return { gpu: false, why: error instanceof Error ? error.message : String(error) };
  }
}

/** What TensorFlow reads once, while it is loaded. */
function prepareEnvironment(device: CompileOptions["device"], threads: number | undefined): void {
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "1"; // its greetings; warnings and errors stay
  if (device === "cpu") process.env["CUDA_VISIBLE_DEVICES"] = "-1";
  if (threads !== undefined) process.env["TF_NUM_INTRAOP_THREADS"] = String(threads);
}

/** @returns undefined if it is not installed @throws {UnsupportedError} if it is, and does not load */
function installed(name: string, importPackage: ImportPackage): Tf | undefined {
  try {
    return importPackage(name) as Tf;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "MODULE_NOT_FOUND" && message.includes(`'${name}'`)) return undefined;
    throw new UnsupportedError(
      `${name}, which is installed but does not load,`,
      `repair it as docs/tensorflow.md tells, or uninstall it; it says: ${message.trim().split("\n")[0]}`,
    );
  }
}

const usesGpu = (tf: Tf): boolean => (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;

/** tfjs-node's version is a table of all its parts. */
function versionOf(tf: Tf): string {
  const { version } = tf as unknown as { version?: Readonly<Record<string, string>> };
  return version?.["tfjs-node"] ?? tf.version_core;
}
