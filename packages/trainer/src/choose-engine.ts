import { UnknownStageError } from "@nnunet/core";
import type { Device, TrainingEngine } from "./engine.ts";

export interface ChosenEngine {
  readonly engine: TrainingEngine;
  /** Why it, where the choice was ours. */
  readonly why?: string;
}

/**
 * The engine of that name. "auto" is the first that says it has a GPU here, and else "ort"; where a device other than a
 * CUDA one is asked for by name, it is "ort".
 *
 * @throws {UnknownStageError} with the names that there are
 */
export async function chooseEngine(
  name: string,
  known: Readonly<Record<string, TrainingEngine>>,
  device?: Device,
): Promise<ChosenEngine> {
  if (name !== "auto") {
    if (!Object.hasOwn(known, name)) throw new UnknownStageError("engine", name, ["auto", ...Object.keys(known)]);
    return { engine: known[name]! };
  }
  const fallback = known["ort"] ?? Object.values(known)[0]!;
  if (device === "cpu" || device === "webgpu") return { engine: fallback, why: `device ${device} was asked for` };
  const reasons: string[] = [];
  for (const engine of Object.values(known)) {
    const found = await engine.lookForGpu?.();
    if (found?.gpu) return { engine, why: found.why };
    if (found) reasons.push(found.why);
  }
  return { engine: fallback, ...(reasons.length > 0 && { why: reasons.join(", ") }) };
}

/** Where the engine of that name takes the memory of a training from: a GPU's, or the machine's. */
export async function memoryOfEngine(
  name: string,
  known: Readonly<Record<string, TrainingEngine>>,
  device?: Device,
): Promise<"cpu" | "gpu"> {
  if (device !== undefined) return device === "cpu" ? "cpu" : "gpu";
  const { engine } = await chooseEngine(name, known);
  return (await engine.lookForGpu?.())?.gpu ? "gpu" : "cpu";
}
