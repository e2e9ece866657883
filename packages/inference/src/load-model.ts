import {
  inputChannels,
  InvalidArtifactError,
  isNnunetError,
  labelSet,
  type ModelMetadata,
  show,
  UnsupportedError,
} from "@nnunet/core";
import { inspectModel } from "./guard/check-model.ts";
import { type Device, type NetworkSession, nodeSessions, type SessionFactory } from "./network-session.ts";

/** A trained network that knows how its input is made and what its output means. */
export interface Model {
  readonly metadata: ModelMetadata;
  /**
   * @param batch - [sample, channel, (z,) y, x] in C order, preprocessed as `metadata.plans` says
   * @param shape - of `batch`; the spatial extents are the configuration's patch size
   * @returns logits, [sample, class or region, (z,) y, x]
   */
  run(
    batch: Float32Array,
    shape: readonly number[],
  ): Promise<{ readonly data: Float32Array; readonly shape: readonly number[] }>;
  /** Frees the network's memory; the model cannot run afterwards. */
  dispose(): Promise<void>;
}

export interface LoadModelOptions {
  /** "cpu" by default. A device that is not there is an error, never a silent change to another. */
  readonly device?: Device;
  /** CPU threads; onnxruntime's own choice (one per core) by default. */
  readonly threads?: number;
  /**
   * On a GPU: let the CPU run the operators that the GPU lacks. False by default: such a model is refused, because it
   * would be slow without a word.
   */
  readonly cpuOperators?: boolean;
  /** Who runs the network; onnxruntime-node by default. For a browser see `onnxRuntimeSessions`. */
  readonly createSession?: SessionFactory;
}

/**
 * Opens a `model.onnx` that nnunet-ts exported. The one file is enough: it carries its plans and what it needs of dataset.json.
 * Every byte is looked at before a runtime sees it (`inspectModel`).
 *
 * @param source - path of the file, or its bytes
 * @throws {FileError} if the file cannot be read
 * @throws {InvalidArtifactError} if it is damaged, was not exported by nnunet-ts, keeps weights in another file, or its
 *   tensors do not fit its plans
 * @throws {UnsupportedError} if the device is not there
 * @example
 * const model = await loadModel("model.onnx");
 * model.metadata.configuration; // "3d_fullres"
 */
export async function loadModel(source: string | Uint8Array, options: LoadModelOptions = {}): Promise<Model> {
  const { device = "cpu", threads, cpuOperators = false, createSession = nodeSessions } = options;
  const path = typeof source === "string" ? source : "model.onnx";
  const bytes = typeof source === "string" ? await readBytes(source) : source;
  const { metadata } = await inspectModel(bytes, path);
  let session: NetworkSession;
  try {
    session = await createSession(bytes, { device, cpuOperators, ...(threads === undefined ? {} : { threads }) });
  } catch (error) {
    if (isNnunetError(error)) throw error;
    const reason = plainReason(error);
    if (device !== "cpu") {
      const hint = /fallback to CPU/.test(reason)
        ? "it lacks an operator of the network; allow cpuOperators, or choose the device cpu"
        : device === "cuda"
          ? "install onnxruntime's CUDA files (Linux, CUDA 12, cuDNN 9): ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install.js, or choose the device cpu"
          : "install its driver and libraries, or choose the device cpu";
      throw new UnsupportedError(`device ${device} (${reason})`, hint);
    }
    throw new InvalidArtifactError(path, "", `onnxruntime refuses it (${reason}); export it again`, { cause: error });
  }
  try {
    checkTensors(session, metadata, path);
  } catch (error) {
    await session.release();
    throw error;
  }
  const run = async (batch: Float32Array, shape: readonly number[]) => {
    const logits = await session.run(batch, shape).catch((error: unknown) => {
      throw isNnunetError(error) ? error : failedRun(error, device, path);
    });
    if (Object.prototype.toString.call(logits.data) === "[object Float32Array]") return logits;
    throw new InvalidArtifactError(
      path,
      "logits",
      `expected float32, got ${show(logits.data)}; export the model again`,
    );
  };
  return { metadata, run, dispose: () => session.release() };
}

function failedRun(error: unknown, device: Device, path: string): Error {
  const reason = `onnxruntime stopped in the middle of it: ${plainReason(error)}`;
  if (device === "cpu")
    return new InvalidArtifactError(path, "", `${reason}; export the model again`, { cause: error });
  return new UnsupportedError(`device ${device} for this network (${reason})`, "choose the device cpu");
}

/** What onnxruntime says, without the source files and the failed C++ expression that it puts in front. */
function plainReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replace(/^(Error: )+/, "")
    .replace(/^\/onnxruntime_src\/.* was false\. /s, "")
    .trim();
}

async function readBytes(path: string): Promise<Uint8Array> {
  const { readRegularFile } = await import("@nnunet/core/node");
  return readRegularFile(path);
}

function checkTensors(session: NetworkSession, metadata: ModelMetadata, path: string): void {
  const { patchSize } = metadata.plans.configurations[metadata.configuration]!;
  const { outputChannels } = labelSet(metadata.dataset);
  const beyond = metadata.mirrorAxes.find((axis) => axis >= patchSize.length);
  if (beyond !== undefined) {
    const problem = `names axis ${beyond}, but the patch has only ${patchSize.length} axes; export the model again`;
    throw new InvalidArtifactError(path, "nnunet.mirror_axes", problem);
  }
  const expected = [
    { of: session.inputs, name: "input", shape: ["n", inputChannels(metadata), ...patchSize] },
    { of: session.outputs, name: "logits", shape: ["n", outputChannels, ...patchSize] },
  ];
  for (const { of, name, shape } of expected) {
    const found = of.find((tensor) => tensor.name === name);
    // an extent that the file leaves open fits; a fixed batch does not
    const fits =
      found?.shape.length === shape.length &&
      found.shape.every((n, axis) => typeof n === "string" || (axis > 0 && n === shape[axis]));
    if (!fits) {
      const got = found
        ? `[${found.shape.join(", ")}]`
        : `only ${of.map((tensor) => tensor.name).join(", ") || "none"}`;
      throw new InvalidArtifactError(
        path,
        name,
        `expected a tensor of shape [${shape.join(", ")}] as plans and dataset say, got ${got}; export the model again`,
      );
    }
  }
}
