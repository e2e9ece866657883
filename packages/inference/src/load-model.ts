import {
  gigabytes,
  inputChannels,
  InvalidArtifactError,
  isNnunetError,
  installCudaFiles,
  isOutOfMemory,
  labelSet,
  LimitError,
  type ModelMetadata,
  show,
  threadCount,
  UnsupportedError,
} from "@nnunet/core";
import type { RewrittenModel } from "./blocked/kernel-choice.ts";
import { readModel } from "./guard/check-model.ts";
import type { Graph } from "./guard/read-graph.ts";
import type { AnswerPart } from "./head/answer-parts.ts";
import { inNode } from "./in-node.ts";
import { letGo } from "./let-go.ts";
import { estimateMemory } from "./memory-estimate.ts";
import { runByParts } from "./head/run-by-parts.ts";
import {
  type Device,
  type NetworkSession,
  nodeSessions,
  type SessionFactory,
  type SessionOptions,
} from "./network-session.ts";

/** A trained network that knows how its input is made and what its output means. */
export interface Model {
  readonly metadata: ModelMetadata;
  /**
   * @param batch - [sample, channel, (z,) y, x] in C order, preprocessed as `metadata.plans` says
   * @param shape - of `batch`; the spatial extents are the configuration's patch size
   * @param onPart - is given the answer part by part by a model that can do so; the `data` that is returned is empty then
   * @returns logits, [sample, class or region, (z,) y, x]
   */
  run(
    batch: Float32Array,
    shape: readonly number[],
    onPart?: (part: AnswerPart) => void,
  ): Promise<{ readonly data: Float32Array; readonly shape: readonly number[] }>;
  /**
   * Frees an answer of `run` that nobody needs any more, at once instead of when the garbage collector comes by: those of a
   * large patch with many classes are 100 MB and more.
   */
  letGo?(logits: Float32Array): void;
  /** Whether `run` gives `onPart` its answers, so that they never are in memory as a whole. */
  readonly answersInParts?: boolean;
  /** Bytes of the machine's memory that the device's own libraries take with the first run; none where it is not told. */
  readonly deviceRuntime?: number;
  /** How the network is computed, in words, with the reason where it is not the fastest way. */
  readonly kernels?: string;
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
  /**
   * "fastest" (the default): on the CPU the network is rewritten for onnxruntime's channel-blocked kernels where they exist;
   * the logits are the same but for rounding. "standard": it runs as the file has it.
   */
  readonly kernels?: "fastest" | "standard";
  /** Who runs the network; onnxruntime-node by default. For a browser see `onnxRuntimeSessions`. */
  readonly createSession?: SessionFactory;
}

/**
 * Opens a `model.onnx` that nnunet-ts exported. The one file is enough: it carries its plans and what it needs of dataset.json.
 * Every byte is looked at before a runtime sees it (`inspectModel`).
 *
 * @param source - path of the file, or its bytes
 * @throws {InvalidArgumentError} if `threads` is no number of threads
 * @throws {FileError} if the file cannot be read
 * @throws {InvalidArtifactError} if it is damaged, was not exported by nnunet-ts, keeps weights in another file, or its
 *   tensors do not fit its plans
 * @throws {UnsupportedError} if the device is not there
 * @throws {LimitError} if the network does not fit into memory; its `run` throws the same
 * @example
 * const model = await loadModel("model.onnx");
 * model.metadata.configuration; // "3d_fullres"
 */
export async function loadModel(source: string | Uint8Array, options: LoadModelOptions = {}): Promise<Model> {
  const { device = "cpu", threads, cpuOperators = false, createSession = nodeSessions } = options;
  const path = typeof source === "string" ? source : "model.onnx";
  const bytes = typeof source === "string" ? await readBytes(source) : source;
  const { metadata, graph } = await readModel(bytes, path);
  const how = { device, cpuOperators, ...(threads === undefined ? {} : { threads: threadCount("threads", threads) }) };
  const own = createSession === nodeSessions && inNode; // another runtime may keep what it gives and gets
  const rewritten = await rewrite(graph, metadata, options);
  let { kernels } = rewritten;
  let sessions: Sessions | undefined;
  try {
    sessions = await startRewritten(rewritten, createSession, how);
  } catch (error) {
    kernels = { reason: `onnxruntime refuses the blocked ones: ${plainReason(error)}` };
  }
  try {
    sessions ??= { network: await createSession(bytes, how) };
  } catch (error) {
    if (isNnunetError(error)) throw error;
    throw failedStart(error, device, path, metadata);
  }
  const { network, head } = sessions;
  const isRewritten = sessions.head !== undefined || "block" in kernels;
  if (own) for (const read of [rewritten.bytes, bytes]) if (read && read !== source) letGo(read);
  const dispose = async () => {
    await network.release();
    await head?.release();
  };
  try {
    checkTensors(network, metadata, path, isRewritten ? 1 : "n", head && rewritten.head!.features);
  } catch (error) {
    await dispose();
    throw error;
  }
  const runOf = (session: NetworkSession) => async (batch: Float32Array, shape: readonly number[]) => {
    const logits = await session.run(batch, shape).catch((error: unknown) => {
      throw isNnunetError(error) ? error : failedRun(error, device, path, metadata, shape[0]!);
    });
    if (Object.prototype.toString.call(logits.data) === "[object Float32Array]") return logits;
    throw new InvalidArtifactError(
      path,
      "logits",
      `expected float32, got ${show(logits.data)}; export the model again`,
    );
  };
  const whole = runOf(network);
  const run = head
    ? runByParts(whole, runOf(head), labelSet(metadata.dataset).outputChannels)
    : isRewritten
      ? sampleBySample(whole)
      : whole;
  const told = "block" in kernels ? `in blocks of ${kernels.block} channels` : `standard (${kernels.reason})`;
  return {
    metadata,
    kernels: told,
    run,
    answersInParts: head !== undefined,
    deviceRuntime: deviceRuntimes[device],
    ...(own && { letGo }),
    dispose,
  };
}

/**
 * Driver, kernels and their workspaces: with CUDA 13 and cuDNN 9.19 on an H100 a prediction of small cases took 0.64 GB
 * more than was expected without them. That of WebGPU was not measured.
 */
const deviceRuntimes: Readonly<Record<Device, number>> = { cpu: 0, cuda: 1e9, webgpu: 1e9 };

/** The network in onnxruntime's blocked operators or with its head by itself, or why it stays as it is. */
async function rewrite(
  graph: Graph,
  metadata: ModelMetadata,
  { device = "cpu", createSession = nodeSessions, kernels = "fastest" }: LoadModelOptions,
): Promise<RewrittenModel> {
  const asItIs = (reason: string): RewrittenModel => ({ kernels: { reason } });
  if (kernels === "standard") return asItIs("as asked for");
  if (device !== "cpu") return asItIs(`those of the device ${device}`);
  if (createSession !== nodeSessions || !inNode) return asItIs("those of the runtime handed in");
  const { rewriteModel } = await import("./blocked/rewrite-model.ts");
  return rewriteModel(graph, metadata, createSession);
}

/** What a model runs in. */
interface Sessions {
  /** All of it, or all but its head. */
  readonly network: NetworkSession;
  readonly head?: NetworkSession;
}

async function startRewritten(
  { bytes, head }: RewrittenModel,
  createSession: SessionFactory,
  how: SessionOptions,
): Promise<Sessions | undefined> {
  if (bytes === undefined) return undefined;
  const network = await createSession(bytes, how);
  if (head === undefined) return { network };
  try {
    // One tap is soon done; a second pool of threads would wait for the first.
    return { network, head: await createSession(head.bytes, { ...how, threads: 1 }) };
  } catch (error) {
    await network.release();
    throw error;
  }
}

/** A network of one sample, for any number of them. */
function sampleBySample(
  run: (batch: Float32Array, shape: readonly number[]) => ReturnType<Model["run"]>,
): Model["run"] {
  return async (batch, [samples, ...shape]) => {
    if (samples === 1) return run(batch, [1, ...shape]);
    const length = batch.length / samples!;
    let all = new Float32Array(0);
    let of: readonly number[] = [];
    for (let sample = 0; sample < samples!; sample++) {
      const logits = await run(batch.subarray(sample * length, (sample + 1) * length), [1, ...shape]);
      if (sample === 0) all = new Float32Array(samples! * logits.data.length);
      all.set(logits.data, sample * logits.data.length);
      of = logits.shape.slice(1);
      letGo(logits.data);
    }
    return { data: all, shape: [samples!, ...of] };
  };
}

function failedStart(error: unknown, device: Device, path: string, metadata: ModelMetadata): Error {
  const reason = plainReason(error);
  if (isOutOfMemory(reason)) return noMemory("opening the network", metadata, 1, path);
  if (device === "cpu") {
    return new InvalidArtifactError(path, "", `onnxruntime refuses it (${reason}); export it again`, { cause: error });
  }
  const hint = /fallback to CPU/.test(reason)
    ? "it lacks an operator of the network; allow cpuOperators, or choose the device cpu"
    : device === "cuda"
      ? `${installCudaFiles}, or choose the device cpu`
      : "install its driver and libraries, or choose the device cpu";
  return new UnsupportedError(`device ${device} (${reason})`, hint);
}

function failedRun(error: unknown, device: Device, path: string, metadata: ModelMetadata, samples: number): Error {
  const cause = plainReason(error);
  if (isOutOfMemory(cause)) return noMemory("a run of the network", metadata, samples, path);
  const reason = `onnxruntime stopped in the middle of it: ${cause}`;
  if (device === "cpu")
    return new InvalidArtifactError(path, "", `${reason}; export the model again`, { cause: error });
  return new UnsupportedError(`device ${device} for this network (${reason})`, "choose the device cpu");
}

function noMemory(what: string, metadata: ModelMetadata, samples: number, path: string): LimitError {
  const { network, patches } = estimateMemory(metadata, [1, 1, 1, 1], { patchesPerRun: samples });
  const fewer = samples > 1 ? "run fewer patches at once, " : ""; // an option that only code has
  const hint = `end other programs, ${fewer}use a model of a smaller patch, or a machine with more`;
  return new LimitError(
    `${what} (${path})`,
    `about ${gigabytes(network + patches)} of memory`,
    "the system gave no more",
    hint,
  );
}

/** What onnxruntime says, without the source files and the failed C++ expression that it puts in front. */
function plainReason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replace(/^(Error: )+/, "")
    .replace(/^\/onnxruntime_src\/.* was false\. /s, "")
    .replace(/^\/onnxruntime_src\/\S+ [^()]*\((?:[^()]|\([^()]*\))*\) /, "")
    .trim();
}

async function readBytes(path: string): Promise<Uint8Array> {
  const { readRegularFile } = await import("@nnunet/core/node");
  return readRegularFile(path);
}

/**
 * @param batch - of the session: any, or a single one
 * @param features - what comes out where the head is computed by itself
 */
function checkTensors(
  session: NetworkSession,
  metadata: ModelMetadata,
  path: string,
  batch: 1 | "n",
  features?: number,
): void {
  const { patchSize } = metadata.plans.configurations[metadata.configuration]!;
  const { outputChannels } = labelSet(metadata.dataset);
  const beyond = metadata.mirrorAxes.find((axis) => axis >= patchSize.length);
  if (beyond !== undefined) {
    const problem = `names axis ${beyond}, but the patch has only ${patchSize.length} axes; export the model again`;
    throw new InvalidArtifactError(path, "nnunet.mirror_axes", problem);
  }
  const expected = [
    { of: session.inputs, name: "input", shape: ["n", inputChannels(metadata), ...patchSize] },
    { of: session.outputs, name: "logits", shape: ["n", features ?? outputChannels, ...patchSize] },
  ];
  for (const { of, name, shape } of expected) {
    const found = of.find((tensor) => tensor.name === name);
    // an extent that the file leaves open fits; a fixed batch does not
    const fits =
      found?.shape.length === shape.length &&
      found.shape.every((n, axis) => typeof n === "string" || n === (axis > 0 ? shape[axis] : batch));
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
