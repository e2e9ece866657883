import { installCudaFiles, isOutOfMemory, UnsupportedError } from "@nnunet/core";
import type { InferenceSession } from "onnxruntime-node";
import type { Device } from "../engine.ts";

/** How sessions of one training are opened. */
export interface SessionOptions {
  readonly device: Device;
  readonly threads?: number;
}

export const providers: Readonly<Record<Device, string>> = { cpu: "cpu", webgpu: "webgpu", cuda: "cuda" };

/**
 * @param onDevice - outputs that stay on the device; the others come to the machine's memory
 * @param onlyThere - an operator that the device lacks is an error, and not done by the CPU
 * @throws {UnsupportedError} in onnxruntime's words if the device or an operator is missing
 */
export async function openSession(
  ort: typeof import("onnxruntime-node"),
  model: Uint8Array,
  { device, threads }: SessionOptions,
  { onDevice = [], onlyThere = false }: { readonly onDevice?: readonly string[]; readonly onlyThere?: boolean } = {},
): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(model, {
      executionProviders: [providers[device]],
      // The pattern would keep one step's buffers for good: 1.8 times the peak (design/training-engine.md). The arena
      // stays on: it costs no memory and saves the page faults of fresh buffers, 0.2–0.5 s of kernel time a step.
      enableMemPattern: false,
      // Threads wait for the next operator awake, which comes soon, but not for longer: the cores are shared with the
      // workers that make batches.
      extra: {
        session: {
          intra_op: { allow_spinning: "1", spin_duration_us: "100" },
          ...(onlyThere && { disable_cpu_ep_fallback: "1" }),
        },
      },
      logSeverityLevel: onlyThere ? 4 : 3, // whoever asks expects a no
      ...(onDevice.length > 0 && {
        preferredOutputLocation: Object.fromEntries(onDevice.map((name) => [name, "gpu-buffer"])),
      }),
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (isOutOfMemory(reason)) throw error; // said by whoever knows what lowers it
    const install = device === "cuda" ? `; ${installCudaFiles}` : "";
    throw new UnsupportedError(
      `training on device "${device}" with engine "ort"`,
      `onnxruntime says: ${reason}${install}`,
    );
  }
}
