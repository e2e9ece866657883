import { type DatasetJson, type Decision, elementCount, type Fingerprint, type Plans } from "@nnunet/core";
import { counted, listed, short, times } from "./formatting.ts";

/** A network with fewer resolutions sees so little around each voxel that the plan is of no use. */
const fewestResolutions = 4;

/**
 * What a person should know before training by a plan, one sentence each; none for most plans.
 *
 * @param plans - with its explanation, as `defaultPlanner` makes it
 * @param fingerprint - what it was made from
 * @example planWarnings(defaultPlanner.plan(fingerprint, dataset, { gpuMemoryGb: 0.001 }), fingerprint, dataset).length; // 1
 */
export function planWarnings(plans: Plans, fingerprint: Fingerprint, dataset: DatasetJson): string[] {
  return [...caseCount(plans, fingerprint, dataset), ...shrunkPatches(plans)];
}

function caseCount({ explanation }: Plans, { spacings }: Fingerprint, { numTraining }: DatasetJson): string[] {
  if (spacings.length === numTraining) return [];
  const used = explanation.find(({ rule }) => rule === "batch-size")?.inputs["numberOfCases"];
  const reckoned = used === undefined ? "" : `; the batch size is reckoned with ${used}`;
  return [
    `the fingerprint has ${counted(spacings.length, "case")}, dataset.json says numTraining ${numTraining}${reckoned}. Correct numTraining, or make the fingerprint again`,
  ];
}

function shrunkPatches({ explanation, configurations }: Plans): string[] {
  const shrunk = explanation.filter(
    ({ rule, configuration, rejected }) =>
      rule === "patch-size" &&
      rejected.length > 0 &&
      (configurations[configuration]?.architecture.strides.length ?? fewestResolutions) < fewestResolutions,
  );
  if (shrunk.length === 0) return [];
  const gigabytes = Number(explanation.find(({ rule }) => rule === "batch-size")?.inputs["gpuMemoryGb"]);
  const patches = shrunk.map(({ configuration, rejected }) => {
    const to = configurations[configuration]!.patchSize;
    return `${configuration} from ${times(rejected[0]!.alternative as number[])} to ${times(to)}`;
  });
  const enough = Math.max(...shrunk.map((decision) => gigabytes * timesLarger(decision)));
  return [
    `${short(gigabytes)} GB are so little that the patch shrank to almost nothing (${listed(patches)} voxels). This plan is not useful; from about ${short(Number(enough.toPrecision(2)))} GB on no patch would have to shrink`,
  ];
}

/** A larger patch has more resolutions, which need memory, too. */
const lowerResolutions = 1.25;

/** About how many times the budget the first patch needs: memory grows with the voxels. */
function timesLarger({ rejected, result, inputs }: Decision): number {
  const { patchSize, memoryEstimate } = result as { patchSize: number[]; memoryEstimate: number };
  const larger = elementCount(rejected[0]!.alternative as number[]) / elementCount(patchSize);
  return (lowerResolutions * larger * memoryEstimate) / (inputs["memoryBudget"] as number);
}
