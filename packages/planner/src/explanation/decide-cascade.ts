import type { Decision } from "@nnunet/core";
import { counted, factor, percent, short, times } from "./formatting.ts";
import type { CascadeSearch } from "../networks/low-resolution.ts";
import type { PlannedNetwork, PlanningContext } from "../networks/plan-network.ts";

/** Whether there is a cascade, and how its low resolution was found. */
export function decideCascade(full: PlannedNetwork, search: CascadeSearch, { blueprint }: PlanningContext): Decision[] {
  const { fullResolutionCoverage, triggered, steps, lowResolution, shrinkage } = search;
  const { cascadeTrigger, cascadeCoverage, cascadeSpacingStep, cascadeMinimumShrinkage } = blueprint;
  const { patchSize } = full.fitted.topology;
  const shows = `At full resolution a patch shows ${percent(fullResolutionCoverage)} of the typical image`;
  const trigger: Decision = {
    configuration: "3d_fullres",
    rule: "cascade",
    source: "paper, Methods, Configuration of 3D U-Net cascade; docs/method.md §2.8",
    inputs: { patchSize, medianShape: full.medianShape, cascadeTrigger, cascadeMinimumShrinkage },
    result: lowResolution !== undefined,
    rejected: lowResolution
      ? []
      : [
          {
            alternative: "3d_cascade_fullres",
            reason: reasonAgainst(search, blueprint.cascadeTrigger, cascadeMinimumShrinkage),
          },
        ],
    text: lowResolution
      ? `${shows}, less than ${percent(cascadeTrigger)}: too little to see where it is. So a first network looks at shrunken images, and a second one at full resolution refines what the first one found (a cascade).`
      : triggered
        ? `${shows}, but shrunken images would have only ${factor(shrinkage ?? 1)} times fewer voxels (at least ${short(cascadeMinimumShrinkage)} are wanted), so there is no cascade.`
        : `${shows}; only below ${percent(cascadeTrigger)} would there be a first network for shrunken images (a cascade).`,
  };
  if (!lowResolution) return [trigger];
  const shown = steps.length > 4 ? [...steps.slice(0, 2), ...steps.slice(-3, -1)] : steps.slice(0, -1);
  return [
    trigger,
    {
      configuration: "3d_lowres",
      rule: "low-resolution-spacing",
      source: "paper, Methods, Configuration of 3D U-Net cascade; Figure E.1 b; docs/method.md §2.8",
      inputs: { spacing: full.spacing, medianShape: full.medianShape, cascadeCoverage, cascadeSpacingStep },
      result: lowResolution.spacing,
      rejected: shown.map(({ spacing, coverage }) => ({
        alternative: spacing,
        reason: `its patch covers ${percent(coverage)} of the median image, less than ${percent(cascadeCoverage)}`,
      })),
      text:
        `Starting from ${times(full.spacing)} mm, voxels are enlarged by ${percent(cascadeSpacingStep)} at a time (the finest axes alone, while another is more than twice as coarse) until a patch shows ${percent(cascadeCoverage)} of the typical image. ` +
        `After ${counted(steps.length, "step")} that is so at ${times(lowResolution.spacing)} mm.`,
    },
  ];
}

function reasonAgainst(
  { triggered, fullResolutionCoverage, shrinkage }: CascadeSearch,
  trigger: number,
  minimum: number,
): string {
  return triggered
    ? `low resolution has ${factor(shrinkage ?? 1)} times fewer voxels, at least ${short(minimum)} are wanted`
    : `the patch covers ${percent(fullResolutionCoverage)} of the median image; a cascade is for less than ${percent(trigger)}`;
}
