import { findBlockSize } from "@nnunet/unet-model";
import type { Device } from "../engine.ts";
import type { ConvolutionLowering } from "./convolution.ts";
import { halfPrecision } from "./half-precision.ts";
import { blockedLowering, cudaLowering, standardLowering, webgpuLowering } from "./standard-lowering.ts";

export interface ChosenLowering {
  /** "blocked-16", "blocked-8" or "standard" */
  readonly name: string;
  readonly lowering: ConvolutionLowering;
}

/** Those in which float16 is computed; the CPU imitates CUDA's. */
const onDevice: Readonly<Record<Device, ConvolutionLowering>> = {
  cpu: cudaLowering,
  cuda: cudaLowering,
  webgpu: webgpuLowering,
};

let onCpu: Promise<ChosenLowering> | undefined;

/** The fastest lowering that this device computes correctly. What the CPU has is found once per process. */
export async function chooseLowering(
  ort: typeof import("onnxruntime-node"),
  device: Device,
  mixedPrecision = false,
): Promise<ChosenLowering> {
  if (mixedPrecision) return { name: "standard in float16", lowering: halfLowering(device) };
  if (device !== "cpu") return { name: "standard", lowering: onDevice[device] };
  return (onCpu ??= probe(ort));
}

/**
 * The same operations on every device. WebGPU's add up float16 in float16, which is no way to sum over all voxels of a
 * batch; the CPU has no float16 arithmetic in onnxruntime, and rounds what goes into and comes out of float32's.
 */
export function halfLowering(device: Device): ConvolutionLowering {
  return halfPrecision(onDevice[device], { weightGradients: device !== "webgpu", imitated: device === "cpu" });
}

async function probe(ort: typeof import("onnxruntime-node")): Promise<ChosenLowering> {
  const block = await findBlockSize(async (model, input, shape) => {
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 4 });
    try {
      const { logits } = await session.run({ input: new ort.Tensor("float32", input, shape) });
      return logits!.data as Float32Array;
    } finally {
      await session.release();
    }
  });
  if (block === undefined) return { name: "standard", lowering: standardLowering };
  return { name: `blocked-${block}`, lowering: blockedLowering(block) };
}
