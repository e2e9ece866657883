import { type Decision, type Plans, printable } from "@nnunet/core";
import { shownValue } from "./formatting.ts";
import { plansTable } from "./plans-table.ts";
import { ruleSets } from "../rules/rule-sets.ts";
import { wrapped } from "./wrapped.ts";

const titles: Readonly<Record<string, string>> = {
  "memory-budget": "How much memory there is",
  "target-spacing": "One voxel size for all images",
  transposition: "Order of the axes",
  normalization: "Brightness",
  "nonzero-mask": "Empty borders",
  resampling: "Computing new voxels",
  configurations: "Which networks there are",
  "median-shape": "The typical image",
  "initial-patch-size": "Where the search for a patch begins",
  "patch-size": "Patch size",
  "network-topology": "Shape of the network",
  "feature-maps": "Width of the network",
  "batch-size": "Batch size",
  "dummy-2d-augmentation": "Turning and stretching",
  "batch-dice": "How overlap is measured",
  cascade: "Is a cascade needed?",
  "low-resolution-spacing": "Voxel size of the shrunken images",
  "comparison-with-paper": "Beside the paper",
};

const chapters: Readonly<Record<string, string>> = {
  dataset: "For all images",
  "2d": "The 2D network (2d): looks at single slices",
  "3d_fullres": "The 3D network (3d_fullres): looks at volumes in full resolution",
  "3d_lowres": "The first network of the cascade (3d_lowres): looks at shrunken volumes",
};

const shownRejections = 6;

/**
 * The plan in words: every decision, why it was taken and what was rejected, then all values as a table. Needs no
 * knowledge of machine learning.
 *
 * @example console.log(explainPlans(defaultPlanner.plan(fingerprint, dataset)));
 */
export function explainPlans(plans: Plans): string {
  const known = Object.hasOwn(ruleSets, plans.ruleSet) ? ruleSets[plans.ruleSet] : undefined;
  const by = known?.title ?? `rule set "${plans.ruleSet}"`;
  const lines = [
    ...wrapped(`Plan "${plans.plansName}" for ${plans.datasetName}, made by ${by} (planner: ${plans.planner}).`),
    "",
  ];
  if (plans.explanation.length === 0) {
    lines.push(
      ...wrapped("These plans carry no explanation: they were not made by nnunet-ts, or were made by hand."),
      "",
    );
  }
  const order = [...new Set(["dataset", ...plans.explanation.map((decision) => decision.configuration)])];
  for (const configuration of order) {
    const decisions = plans.explanation.filter((decision) => decision.configuration === configuration);
    if (decisions.length === 0) continue;
    const chapter = chapters[configuration] ?? configuration;
    lines.push(chapter, "=".repeat(chapter.length), "", ...decisions.flatMap(explainDecision));
  }
  if (plans.configurations["3d_cascade_fullres"]) {
    const chapter = "The second network of the cascade (3d_cascade_fullres)";
    const text =
      "It is the 3D network in full resolution once more; what the first network found is added to its input.";
    lines.push(chapter, "=".repeat(chapter.length), "", ...wrapped(text), "");
  }
  // Names of an edited or received plan may hold anything: a line stays a line.
  return [...lines, "All values", "==========", "", ...plansTable(plans).split("\n"), ""].map(printable).join("\n");
}

function explainDecision({ rule, text, source, rejected }: Decision): string[] {
  const lines = [titles[rule] ?? rule, ...wrapped(text, "  ")];
  if (rejected.length > 0) {
    const half = shownRejections / 2;
    const cut = rejected.length > shownRejections;
    const shown = cut ? [...rejected.slice(0, half), ...rejected.slice(-half)] : rejected;
    lines.push("  Rejected:");
    for (const [i, { alternative, reason }] of shown.entries()) {
      if (cut && i === half) lines.push(`    … ${rejected.length - shownRejections} more in plans.json …`);
      lines.push(...wrapped(`- ${shownValue(alternative)}: ${reason}`, "    ", "      "));
    }
  }
  return [...lines, `  [rule ${rule}: ${source}]`, ""];
}
