import { createRandom } from "@nnunet/core";
import type { Device } from "../engine.ts";
import { blockedLowering, blockProbeModel, probeDims } from "./blocked-lowering.ts";
import type { ConvolutionLowering } from "./convolution.ts";
import { deviceLowering, standardLowering } from "./standard-lowering.ts";

export interface ChosenLowering {
  /** "blocked-16", "blocked-8" or "standard" */
  readonly name: string;
  readonly lowering: ConvolutionLowering;
}

let onCpu: Promise<ChosenLowering> | undefined;

/**
 * The fastest lowering that this device computes correctly. Whether the CPU has blocked kernels, and of which block
 * size, depends on its vector width and on the build of onnxruntime; a small convolution run both ways tells. The
 * probe runs once per process.
 */
export async function chooseLowering(ort: typeof import("onnxruntime-node"), device: Device): Promise<ChosenLowering> {
  if (device !== "cpu") return { name: "standard", lowering: deviceLowering };
  return (onCpu ??= probe(ort));
}

async function probe(ort: typeof import("onnxruntime-node")): Promise<ChosenLowering> {
  const random = createRandom(0, "probe");
  const tensor = (shape: number[]) => {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal());
    return new ort.Tensor("float32", data, shape);
  };
  const feeds = { x: tensor(probeDims.x), w: tensor(probeDims.w) };
  for (const block of [16, 8]) {
    try {
      const session = await ort.InferenceSession.create(blockProbeModel(block), { logSeverityLevel: 4 });
      const { plain, blocked } = await session.run(feeds);
      await session.release();
      const a = plain!.data as Float32Array;
      const b = blocked!.data as Float32Array;
      // sums of 864 products of size 1: float32 rounding stays below 1e-4, a wrong layout is off by about 30
      if (a.every((value, i) => Math.abs(value - b[i]!) < 1e-3))
        return { name: `blocked-${block}`, lowering: blockedLowering(block) };
    } catch {
      // no such operator in this build: the next candidate
    }
  }
  return { name: "standard", lowering: standardLowering };
}
