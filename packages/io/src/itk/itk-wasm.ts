import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { CancelledError, elementCount, ImageFileError, type VoxelArray } from "@nnunet/core";

/*
 * The only door to itk-wasm. What it guards against (measured with @itk-wasm/image-io 1.6.1, see README):
 *
 *  - emscripten writes process.exitCode on every call, hiding a real failure or failing a good run → it runs in a
 *    worker thread, whose exit code is its own;
 *  - errors are often a bare number (a C++ pointer) → every failure becomes an ImageFileError that names the file;
 *  - it prints to the console → the worker's output is kept out of ours;
 *  - it works synchronously and may take long or never return on a damaged file → other work goes on, and the worker
 *    is ended after a time limit;
 *  - memory is 32-bit: beyond 2 GiB it throws, beyond 4 GiB it returns a wrapped, too short array → refused before,
 *    and the length of what comes back is checked.
 *
 * It does not check the files themselves: callers look at headers and sizes first.
 */

/** ITK's image: `size` and `spacing` are x first, voxels have their components together (RGB RGB …). */
export interface ItkImage {
  readonly size: readonly number[];
  readonly spacing: readonly number[];
  readonly origin: readonly number[];
  /** Row-major, as many rows as axes. */
  readonly direction: readonly number[];
  readonly components: number;
  readonly data: VoxelArray;
}

/** More voxels than this do not fit into 32-bit memory four times over, which is what itk-wasm takes. */
export const largestItkImage = 2 ** 29;
const idleMilliseconds = 500;

/**
 * Reads an image of a format whose header the caller has checked.
 *
 * @param expectedBytes - of voxels, as the header promises, or of the file where it does not say
 * @throws {ImageFileError} if ITK cannot read it, or gives another amount of voxels
 */
export async function itkReadImage(path: string, expectedBytes: number, signal?: AbortSignal): Promise<ItkImage> {
  if (expectedBytes > largestItkImage) throw tooLarge(path, expectedBytes);
  return checkedImage(await inWorker(path, expectedBytes, signal), path);
}

// The compiler checks this name, as it cannot look into the text below.
const readFunction: keyof typeof import("@itk-wasm/image-io") = "readImageNode";

// As text, because the source of a worker must be JavaScript both when this file runs from src and from dist.
const workerSource = `
const { parentPort, workerData } = require("node:worker_threads");
const plain = ({ imageType, size, spacing, origin, direction, data }) => ({
  size: [...size], spacing: [...spacing], origin: [...origin], direction: [...direction],
  components: imageType.components,
  // Some readers give shared memory, or a part of a larger buffer; only a buffer of its own can be handed over.
  data: data.buffer instanceof ArrayBuffer && data.byteLength === data.buffer.byteLength ? data : data.slice(),
});
async function run({ path }) {
  const { ${readFunction}: read } = await import(workerData.imageIo);
  return plain(await read(path));
}
parentPort.on("message", async (message) => {
  try {
    const result = await run(message);
    parentPort.postMessage({ id: message.id, result }, [result.data.buffer]);
  } catch (error) {
    const reason = error instanceof Error ? String(error.message) : "";
    parentPort.postMessage({ id: message.id, reason });
  }
});
`;

interface Pending {
  readonly worker: Worker;
  readonly resolve: (image: ItkImage) => void;
  readonly reject: (reason: string) => void;
}

let worker: Worker | undefined;
let nextId = 0;
const pending = new Map<number, Pending>();
let idleTimer: NodeJS.Timeout | undefined;

async function inWorker(path: string, bytes: number, signal?: AbortSignal): Promise<ItkImage> {
  if (signal?.aborted) throw new CancelledError(path);
  const limit = 60_000 + bytes / 1000; // a megabyte a second, and a minute
  clearTimeout(idleTimer);
  const running = (worker ??= startWorker());
  running.ref();
  const id = nextId++;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<ItkImage>((resolve, reject) => {
      const fail = (reason: string) => {
        const because = /[a-z]{3}/i.test(reason) ? ` (${reason.trim().split("\n")[0]!.slice(0, 160)})` : "";
        reject(
          new ImageFileError(path, "", `ITK could not have it read${because}; the file is damaged or of another kind`),
        );
      };
      pending.set(id, { worker: running, resolve, reject: fail });
      timer = setTimeout(() => {
        fail(`gave up after ${Math.round(limit / 1000)} seconds`);
        stop(running);
      }, limit);
      onAbort = () => {
        reject(new CancelledError(path));
        stop(running);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      running.postMessage({ id, path });
    });
  } finally {
    clearTimeout(timer);
    if (onAbort) signal?.removeEventListener("abort", onAbort);
    pending.delete(id);
    if (pending.size === 0 && worker) {
      worker.unref();
      const idle = worker;
      idleTimer = setTimeout(() => stop(idle), idleMilliseconds);
      idleTimer.unref();
    }
  }
}

/** From here on nobody is given this worker any more. */
function stop(running: Worker): void {
  if (worker === running) worker = undefined;
  void running.terminate();
}

function startWorker(): Worker {
  const require = createRequire(import.meta.url);
  const url = (name: string) => pathToFileURL(require.resolve(name)).href;
  const workerData = {
    imageIo: url("@itk-wasm/image-io"),
  };
  // stdout and stderr true: what ITK prints stays in the worker.
  const started = new Worker(workerSource, { eval: true, workerData, stdout: true, stderr: true, execArgv: [] });
  const end = (reason: string) => {
    if (worker === started) worker = undefined;
    for (const waiting of pending.values()) if (waiting.worker === started) waiting.reject(reason);
  };
  started.on("message", ({ id, result, reason }: { id: number; result?: ItkImage; reason?: string }) => {
    const waiting = pending.get(id);
    if (reason === undefined) waiting?.resolve(result as ItkImage);
    else waiting?.reject(reason);
  });
  started.on("error", (error) => end(error.message));
  started.on("exit", () => end("the reader stopped"));
  return started;
}

function checkedImage(image: ItkImage, path: string): ItkImage {
  const expected = elementCount(image.size) * image.components;
  if (!(image.data && image.data.length === expected)) {
    const got = image.data?.length ?? 0;
    throw new ImageFileError(
      path,
      "",
      `ITK gave ${got} values for ${image.size.join(" × ")} voxels; the file is damaged`,
    );
  }
  return image;
}

function tooLarge(path: string, bytes: number): ImageFileError {
  const mib = Math.round(bytes / 2 ** 20);
  return new ImageFileError(
    path,
    "",
    `its ${mib} MiB of voxels are more than itk-wasm can hold; convert it to .nii.gz`,
  );
}
