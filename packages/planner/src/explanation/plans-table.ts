import { alignedColumns, type Configuration, type Plans } from "@nnunet/core";
import { short, times } from "./formatting.ts";

const rows: readonly (readonly [string, (configuration: Configuration) => string])[] = [
  ["voxel size (mm)", (c) => times(c.spacing)],
  ["typical image (voxels)", (c) => times(c.medianImageSize)],
  ["patch (voxels)", (c) => times(c.patchSize)],
  ["batch (patches)", (c) => short(c.batchSize)],
  ["network", (c) => (c.architecture.kind === "plain" ? "U-Net" : "U-Net, residual encoder")],
  ["resolutions", (c) => short(c.architecture.strides.length)],
  ["filters", (c) => c.architecture.featuresPerStage.join(" ")],
  ["strides", (c) => perStage(c.architecture.strides)],
  ["kernels", (c) => perStage(c.architecture.kernelSizes)],
  ["normalization", (c) => c.normalizationSchemes.map((s, i) => (c.useMaskForNorm[i] ? `${s} in mask` : s)).join(", ")],
  ["augmentation", (c) => `${c.augmentation}${c.dummy2dAugmentation ? ", slice by slice" : ""}`],
  ["Dice over", (c) => (c.batchDice ? "the batch" : "each patch")],
  ["input from", (c) => c.previousConfiguration ?? "–"],
];

/** `[[1,2,2],[1,2,2],[2,2,2]]` → "2× 1,2,2  2,2,2" */
function perStage(lists: readonly (readonly number[])[]): string {
  const runs: { text: string; count: number }[] = [];
  for (const list of lists) {
    const text = list.join(",");
    if (runs.at(-1)?.text === text) runs.at(-1)!.count++;
    else runs.push({ text, count: 1 });
  }
  return runs.map(({ text, count }) => (count > 1 ? `${count}× ${text}` : text)).join("  ");
}

/** Every configuration of a plan side by side, as aligned text. */
export function plansTable(plans: Plans): string {
  const names = Object.keys(plans.configurations);
  return alignedColumns([
    ["", ...names],
    ...rows.map(([title, show]) => [title, ...names.map((name) => show(plans.configurations[name]!))]),
  ]).join("\n");
}
