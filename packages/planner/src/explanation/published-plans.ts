import { type DatasetJson, type Decision, elementCount } from "@nnunet/core";
import { chooseBatch } from "../rules/batch-size.ts";
import { factor, percent, short, times } from "./formatting.ts";
import type { PlannedNetwork, PlanningContext } from "../networks/plan-network.ts";

type Row = readonly [patchSize: readonly number[], batchSize: number];
interface PublishedPlan {
  /** Number in the paper's Table A.1, D1 to D10. */
  readonly id: number;
  readonly cases: number;
  readonly "2d": Row;
  readonly "3d_fullres": Row;
  readonly "3d_lowres"?: Row;
}

/** Patch and batch sizes that the paper prints for the Medical Segmentation Decathlon (Tables A.1 and F.1 to F.19). */
const published: Readonly<Record<string, PublishedPlan>> = {
  braintumour: { id: 1, cases: 484, "2d": [[192, 160], 107], "3d_fullres": [[128, 128, 128], 2] },
  heart: { id: 2, cases: 20, "2d": [[320, 256], 40], "3d_fullres": [[80, 192, 160], 2] },
  liver: {
    id: 3,
    cases: 131,
    "2d": [[512, 512], 12],
    "3d_fullres": [[128, 128, 128], 2],
    "3d_lowres": [[128, 128, 128], 2],
  },
  hippocampus: { id: 4, cases: 260, "2d": [[56, 40], 366], "3d_fullres": [[40, 56, 40], 9] },
  prostate: { id: 5, cases: 32, "2d": [[320, 320], 32], "3d_fullres": [[20, 320, 256], 2] },
  lung: {
    id: 6,
    cases: 63,
    "2d": [[512, 512], 12],
    "3d_fullres": [[80, 192, 160], 2],
    "3d_lowres": [[80, 192, 160], 2],
  },
  pancreas: {
    id: 7,
    cases: 282,
    "2d": [[512, 512], 12],
    "3d_fullres": [[40, 224, 224], 2],
    "3d_lowres": [[64, 192, 192], 2],
  },
  hepaticvessel: {
    id: 8,
    cases: 303,
    "2d": [[512, 512], 12],
    "3d_fullres": [[64, 192, 192], 2],
    "3d_lowres": [[64, 192, 192], 2],
  },
  spleen: {
    id: 9,
    cases: 41,
    "2d": [[512, 512], 12],
    "3d_fullres": [[64, 192, 160], 2],
    "3d_lowres": [[64, 192, 192], 2],
  },
  colon: {
    id: 10,
    cases: 126,
    "2d": [[512, 512], 12],
    "3d_fullres": [[56, 192, 160], 2],
    "3d_lowres": [[96, 160, 160], 2],
  },
};

/**
 * Sets the plan beside the paper's own for a dataset of the same name, and says why they differ. It changes nothing in
 * the plan. Only under the paper's rules.
 */
export function comparedWithPaper(
  dataset: DatasetJson,
  networks: readonly PlannedNetwork[],
  context: PlanningContext,
): Decision[] {
  const name = (dataset.name ?? "").replace(/^(Dataset|Task)\d+_/i, "").toLowerCase();
  if (context.ruleSet.name !== "paper" || !Object.hasOwn(published, name)) return [];
  const plan = published[name]!;
  return networks.flatMap((network) => {
    const row = plan[network.configuration as "2d"];
    return row ? [compareWithRow(network, row, plan, context)] : [];
  });
}

function compareWithRow(
  network: PlannedNetwork,
  [patchSize, batchSize]: Row,
  { id, cases: paperCases }: PublishedPlan,
  context: PlanningContext,
): Decision {
  const own = network.fitted.topology.patchSize;
  const samePatch = own.join() === patchSize.join();
  const ownBatch = network.batch.batchSize;
  const table = `the paper's Table F.${2 * id - 1} (D${id})`;
  const { blueprint, cases } = context;
  const patchVoxels = elementCount(own);
  const scaled = (network.datasetVoxels / cases) * paperCases;
  const rules = network.spacing.length === 2 ? context.ruleSet.network2d : context.ruleSet.network3d;
  const withPaperCases = chooseBatch(
    network.fitted.estimate,
    rules.memory,
    context.gpuMemoryGb,
    patchVoxels,
    scaled,
    blueprint,
  ).batchSize;
  const patches = (voxels: number) => factor((blueprint.maximumBatchFraction * voxels) / patchVoxels);
  const share = percent(blueprint.maximumBatchFraction);
  const text =
    samePatch && ownBatch === batchSize
      ? `Patch ${times(own)} and batch ${ownBatch} are those of ${table}.`
      : samePatch && withPaperCases === batchSize
        ? `The patch is that of ${table}. The batch is ${ownBatch} and not ${batchSize}, because the paper had ${paperCases} training cases and you have ${cases}: ` +
          `${share} of the voxels of ${paperCases} such cases are ${patches(scaled)} patches, which gives ${batchSize}; ${share} of yours are ${patches(network.datasetVoxels)}, which gives ${ownBatch}.`
        : `It differs from ${table}, which has patch ${times(patchSize)} and batch ${batchSize} for ${paperCases} cases: this dataset or these options are not the paper's.`;
  return {
    configuration: network.configuration,
    rule: "comparison-with-paper",
    source: `paper, Tables A.1 and F.${2 * id - 1}`,
    inputs: { numberOfCases: cases, paperNumberOfCases: paperCases, gpuMemoryGb: context.gpuMemoryGb },
    result: { patchSize: own, batchSize: ownBatch },
    rejected:
      samePatch && ownBatch === batchSize
        ? []
        : [{ alternative: { patchSize, batchSize }, reason: `what the paper prints for ${short(paperCases)} cases` }],
    text,
  };
}
