import { finiteOrNull, meanOfDefined } from "@nnunet/core";
import type { TrainingCurves } from "@nnunet/report";
import { exists, readRegularFile } from "@nnunet/core/node";
import { type FoldResult, logPath } from "./fold-results.ts";

type Epoch = TrainingCurves["epochs"][number];

/**
 * The curves of every fold that has a training log. A training that was stopped and continued may have logged an epoch
 * twice; the later one counts. A last line that is cut off, as a killed process leaves it, is passed over.
 */
export async function trainingCurves(folds: readonly FoldResult[]): Promise<TrainingCurves[]> {
  const curves: TrainingCurves[] = [];
  for (const { configuration, fold, paths } of folds) {
    const path = logPath(paths);
    if (!(await exists(path))) continue;
    const epochs = new Map<number, Epoch>();
    for (const line of (await readRegularFile(path)).toString("utf8").split("\n")) {
      const epoch = epochOf(line);
      if (epoch) epochs.set(epoch.epoch, epoch);
    }
    if (epochs.size === 0) continue;
    const isFinished = await exists(paths.checkpoint);
    curves.push({
      configuration,
      fold,
      isFinished,
      epochs: [...epochs.values()].sort((a, b) => a.epoch - b.epoch),
    });
  }
  return curves;
}

function epochOf(line: string): Epoch | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  const { epoch, trainLoss, validationLoss, pseudoDice, seconds } = (json ?? {}) as Record<string, unknown>;
  const numbers = [epoch, trainLoss, validationLoss, seconds];
  if (!numbers.every((value) => typeof value === "number" && Number.isFinite(value))) return undefined;
  const known = (Array.isArray(pseudoDice) ? pseudoDice : []).filter((value) => typeof value === "number");
  const patchDice = finiteOrNull(meanOfDefined(known));
  return {
    epoch: epoch as number,
    trainLoss: trainLoss as number,
    validationLoss: validationLoss as number,
    patchDice,
    seconds: seconds as number,
  };
}
