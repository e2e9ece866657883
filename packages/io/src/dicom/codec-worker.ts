import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { DecodedPicture, FrameDecoder, WorkerCodec } from "./frame-decoder.ts";

/*
 * Compressed frames are decoded in a worker: the codecs print, set the process's exit code, and may run for ever on a
 * damaged stream; a worker can be ended, and its memory goes with it.
 */

const require = createRequire(import.meta.url);

/** Where the packages lie, found when they are first needed. */
const packages = (): Readonly<Record<WorkerCodec, string>> => ({
  jpegLossless: require.resolve("@cornerstonejs/jpeg-lossless-decoder-js"),
  jpegLs: require.resolve("@cornerstonejs/codec-charls/decodewasmjs"),
  jpeg2000: require.resolve("@cornerstonejs/codec-openjpeg/decodewasmjs"),
  htj2k: require.resolve("@cornerstonejs/codec-openjph/wasmjs"),
});

// As text, because the source of a worker must be JavaScript both when this file runs from src and from dist.
const workerSource = `
const { parentPort, workerData } = require("node:worker_threads");
const classes = { jpegLs: "JpegLSDecoder", jpeg2000: "J2KDecoder", htj2k: "HTJ2KDecoder" };
const modules = {};
function lossless(bytes) {
  const { Decoder } = require(workerData.jpegLossless);
  const decoder = new Decoder();
  const decoded = new Uint8Array(decoder.decompress(bytes.buffer, bytes.byteOffset, bytes.length));
  const { dimX: columns, dimY: rows, precision: bits } = decoder.frame;
  return { columns, rows, components: decoder.numComp, bits, bytes: decoded, planar: false };
}
async function decode(codec, bytes) {
  if (codec === "jpegLossless") return lossless(bytes);
  const codecs = (modules[codec] ??= await require(workerData[codec])());
  const decoder = new codecs[classes[codec]]();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { width, height, bitsPerSample: bits, componentCount: components } = decoder.getFrameInfo();
    const planar = codec === "jpegLs" && components > 1 && decoder.getInterleaveMode() === 0;
    return { columns: width, rows: height, components, bits, planar, bytes: Uint8Array.from(decoder.getDecodedBuffer()) };
  } catch (error) {
    // A C++ exception is a bare number; the module may be in any state after it.
    const text = typeof error === "number" ? codecs.getExceptionMessage?.(error) : undefined;
    delete modules[codec];
    throw text === undefined ? error : new Error(String(text));
  } finally {
    decoder.delete();
  }
}
parentPort.on("message", async ({ codec, bytes }) => {
  try {
    const picture = await decode(codec, bytes);
    parentPort.postMessage({ picture }, [picture.bytes.buffer]);
  } catch (error) {
    parentPort.postMessage({ reason: error instanceof Error ? String(error.message) : String(error) });
  }
});
`;

/** Decodes one frame after the other; it must be closed. */
export class CodecWorker implements FrameDecoder {
  private worker: Worker | undefined;

  /**
   * @param bytes - of one frame
   * @returns the picture, or the reason why there is none
   */
  async decode(codec: WorkerCodec, bytes: Uint8Array, milliseconds: number): Promise<DecodedPicture | string> {
    const worker = (this.worker ??= start());
    let timer: NodeJS.Timeout | undefined;
    let onMessage: ((message: { picture?: DecodedPicture; reason?: string }) => void) | undefined;
    let stop: ((reason: string) => void) | undefined;
    const onEnd = (error: unknown) => stop?.(error instanceof Error ? error.message : "the decoder stopped");
    try {
      return await new Promise<DecodedPicture | string>((resolve) => {
        stop = (reason) => {
          this.close();
          resolve(reason);
        };
        timer = setTimeout(() => stop!(`gave up after ${Math.round(milliseconds / 1000)} seconds`), milliseconds);
        onMessage = ({ picture, reason }) => resolve(picture ?? (reason || "no reason given"));
        worker.on("message", onMessage);
        worker.on("error", onEnd);
        worker.on("exit", onEnd);
        worker.postMessage({ codec, bytes });
      });
    } finally {
      clearTimeout(timer);
      if (onMessage) worker.off("message", onMessage);
      worker.off("error", onEnd);
      worker.off("exit", onEnd);
    }
  }

  close(): void {
    void this.worker?.terminate();
    this.worker = undefined;
  }
}

function start(): Worker {
  const options = { eval: true, workerData: packages(), stdout: true, stderr: true, execArgv: [] };
  return new Worker(workerSource, { ...options, resourceLimits: { maxOldGenerationSizeMb: 1024 } });
}
