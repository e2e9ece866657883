import type { Device } from "../engine.ts";
import { DeviceVectors, keepsOutputs } from "./device-vectors.ts";
import { HostVectors } from "./host-vectors.ts";
import type { SessionOptions } from "./open-session.ts";
import type { TrainingVector, TrainingVectors } from "./training-vectors.ts";

/**
 * Devices that outputs of a session may stay on. To onnxruntime's binding for Node.js `gpu-buffer` is a buffer of WebGPU,
 * and there is no such place for CUDA (1.30, js/node/src/tensor_helper.cc); the CPU's outputs are in memory as it is.
 */
const mayKeepOutputs: Readonly<Record<Device, boolean>> = { cpu: false, webgpu: true, cuda: false };

/** The state of a training, on the device where that can hold it. */
export async function holdVectors(
  ort: typeof import("onnxruntime-node"),
  options: SessionOptions,
  vectors: readonly TrainingVector[],
  values: Readonly<Record<string, Float32Array>>,
): Promise<TrainingVectors> {
  const stay = mayKeepOutputs[options.device] && (await keepsOutputs(ort, options));
  return stay ? DeviceVectors.create(ort, vectors, values, options) : new HostVectors(ort, vectors, values);
}
