import { UnsupportedError } from "@nnunet/core";
import { inNode } from "./in-node.ts";
import { letEventsPass } from "./let-events-pass.ts";

/** Where the network runs. */
export type Device = "cpu" | "cuda" | "webgpu";

/** Name and shape of a tensor of a model; a string is an extent that may vary. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

/** A network ready to run, whatever runs it. */
export interface NetworkSession {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** From "input" to "logits". */
  run(data: Float32Array, shape: readonly number[]): Promise<{ data: Float32Array; shape: readonly number[] }>;
  release(): Promise<void>;
}

export interface SessionOptions {
  readonly device: Device;
  /** CPU threads; onnxruntime's own choice by default. */
  readonly threads?: number;
  /** On a GPU: let the CPU run the operators that the GPU lacks, instead of refusing the model. */
  readonly cpuOperators?: boolean;
}

/** Makes a session of the bytes of a model.onnx; throws what the runtime throws. */
export type SessionFactory = (model: Uint8Array, options: SessionOptions) => Promise<NetworkSession>;

/** What is used of onnxruntime: `import * as ort from "onnxruntime-node"` or `"onnxruntime-web"`. */
export type OnnxRuntime = Pick<typeof import("onnxruntime-node"), "InferenceSession" | "Tensor">;

/**
 * A session factory on a given onnxruntime.
 *
 * @param providers - the runtime's name of each device that it has; devices left out are refused
 * @example loadModel(bytes, { createSession: onnxRuntimeSessions(ortWeb, { cpu: "wasm", webgpu: "webgpu" }) });
 */
export function onnxRuntimeSessions(
  runtime: OnnxRuntime,
  providers: Partial<Record<Device, string>> = { cpu: "cpu" },
): SessionFactory {
  return async (model, { device, threads, cpuOperators = false }) => {
    const provider = providers[device];
    if (provider === undefined) {
      const known = Object.keys(providers).join(", ");
      throw new UnsupportedError(`device ${device}`, `this installation of onnxruntime offers: ${known}`);
    }
    await withoutTelemetry();
    const session = await runtime.InferenceSession.create(model, {
      executionProviders: [provider],
      graphOptimizationLevel: "all",
      enableMemPattern: false, // one block for all features at once: nearly twice the memory, and no faster
      logSeverityLevel: 3, // errors only: they come back as exceptions, warnings tell a user nothing
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      ...(device === "cpu" || cpuOperators ? {} : { extra: { session: { disable_cpu_ep_fallback: "1" } } }),
    });
    const info = (values: typeof session.inputMetadata): TensorInfo[] =>
      values.map((value) => ({ name: value.name, shape: value.isTensor ? value.shape : [] }));
    return {
      inputs: info(session.inputMetadata),
      outputs: info(session.outputMetadata),
      async run(data, shape) {
        if (!inNode) await letEventsPass();
        const input = new runtime.Tensor("float32", data, shape);
        const { logits } = await session.run({ input }, ["logits"]);
        return { data: logits!.data as Float32Array, shape: logits!.dims };
      },
      release: () => session.release(),
    };
  };
}

/** In Node, before the runtime's first session, which is when it looks; onnxruntime-web has no telemetry. */
async function withoutTelemetry(): Promise<void> {
  if (!inNode) return;
  const { switchOffTelemetry } = await import("@nnunet/core/node");
  switchOffTelemetry();
}

/** Sessions on onnxruntime-node, loaded when first used; bundles for a browser leave it out (package.json, "browser"). */
export const nodeSessions: SessionFactory = async (model, options) => {
  if (!inNode) {
    const hint =
      'hand in onnxruntime-web: loadModel(bytes, { createSession: onnxRuntimeSessions(ort, { cpu: "wasm" }) })';
    throw new UnsupportedError("running a model in a browser without createSession", hint);
  }
  await withoutTelemetry();
  const runtime = await import("onnxruntime-node");
  const bundled = runtime.listSupportedBackends().map(({ name }) => name);
  const providers = Object.fromEntries(bundled.map((name) => [name, name])) as Partial<Record<Device, string>>;
  // onnxruntime counts cores; a control group may give less time than they are worth.
  const { coresOfGroups } = await import("@nnunet/core/node");
  const threads = options.threads ?? coresOfGroups();
  return onnxRuntimeSessions(runtime, providers)(model, { ...options, ...(threads !== undefined && { threads }) });
};
