import type { Evaluator, LabelSet, Postprocessor, ValidationCase } from "@nnunet/core";

/**
 * What any postprocessor must keep to: the same decision each time, which can be written and read again, segmentations of the
 * same size with no other labels, inputs left alone. Lists every violation, so that a test of any framework can expect an
 * empty list.
 *
 * @example expect(await postprocessorConformance(mine, validationCases, labels, defaultEvaluator.caseMetrics)).toEqual([]);
 */
export async function postprocessorConformance<D>(
  postprocessor: Postprocessor<D>,
  cases: readonly ValidationCase[],
  labels: LabelSet,
  caseMetrics: Evaluator["caseMetrics"],
): Promise<string[]> {
  const problems: string[] = [];
  async function* each() {
    for (const validated of cases) yield validated;
  }
  const json = async () => JSON.stringify(postprocessor.toJson(await postprocessor.decide(each, labels, caseMetrics)));
  const text = await json();
  if ((await json()) !== text) problems.push("deciding twice gives two different decisions");
  const decided = postprocessor.fromJson(JSON.parse(text), "postprocessing.json");
  if (JSON.stringify(postprocessor.toJson(decided)) !== text) {
    problems.push("postprocessing.json changes when it is read and written again");
  }
  for (const { id, prediction, shape } of cases) {
    const before = Int16Array.from(prediction);
    const treated = postprocessor.apply(prediction, shape, decided);
    if (prediction.some((label, i) => label !== before[i])) problems.push(`${id}: applying it changes its input`);
    if (treated.length !== before.length) problems.push(`${id}: ${treated.length} voxels of ${before.length}`);
    const odd = treated.find((label) => !labels.allowed.includes(label));
    if (odd !== undefined) problems.push(`${id}: gives label ${odd}, which the dataset does not have`);
  }
  return problems;
}
