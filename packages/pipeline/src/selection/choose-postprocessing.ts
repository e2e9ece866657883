import type { EvaluationSummary, Plans, RawDataset, StageOptions, ValidationCase } from "@nnunet/core";
import { counted, elementCount, labelSet, ShapeMismatchError, spatialShape } from "@nnunet/core";
import { checkedMetrics, summarise } from "@nnunet/evaluate";
import { refuseOddLabels } from "../prediction/odd-labels.ts";
import type { Context } from "../stages.ts";
import { readLabelIds } from "../steps/read-whole-labels.ts";
import { timedStage } from "../steps/timed-stage.ts";
import type { CasePair } from "./validation-cases.ts";

export interface ChosenPostprocessing {
  /** The stage's own data. */
  readonly decided: unknown;
  /** Which acceptance rules it was decided by. */
  readonly rules: "paper" | "v2";
  /** Of the validation cases after it. */
  readonly summary: EvaluationSummary;
}

export interface ChoiceOptions extends StageOptions {
  /** Called with each segmentation as it is after the postprocessing, in the order of the pairs. */
  readonly keep?: (pair: CasePair, treated: Awaited<ReturnType<typeof readLabelIds>>) => Promise<void>;
}

/** The acceptance rules of a plan's rule set. */
export const rulesOf = ({ ruleSet }: Pick<Plans, "ruleSet">) => (ruleSet === "paper" ? "paper" : "v2");

/**
 * Lets the postprocessor decide on validation cases, by the acceptance rules of the plan's rule set, and scores them
 * once more with what it decided.
 *
 * @throws {FileError} if a file of a case cannot be read
 */
export async function choosePostprocessing(
  { stages }: Context,
  dataset: RawDataset,
  plans: Plans,
  pairs: readonly CasePair[],
  { keep, ...options }: ChoiceOptions = {},
): Promise<ChosenPostprocessing> {
  const { postprocessor, evaluator } = stages;
  const labels = labelSet(dataset.json);
  const { onEvent, ...rest } = options;
  const rules = rulesOf(plans);
  const total = pairs.length;
  const cases = async function* () {
    let done = 0;
    for await (const { pair, prediction, reference } of readCases(pairs)) {
      yield { id: pair.id, reference, prediction: prediction.data, shape: spatialShape(prediction) };
      onEvent?.({ type: "progress", stage: "postprocess", done: ++done, total, item: pair.id });
    }
  };
  const detail = `what helps on ${counted(total, "validation case")}`;
  return timedStage("postprocess", { total, detail }, options, async () => {
    const decided = await postprocessor.decide(
      cases as () => AsyncIterable<ValidationCase>,
      labels,
      evaluator.caseMetrics,
      {
        ...rest,
        rules,
      },
    );
    const scored: EvaluationSummary["cases"][number][] = [];
    for await (const { pair, prediction, reference } of readCases(pairs)) {
      const treated = postprocessor.apply(prediction.data, spatialShape(prediction), decided);
      refuseOddLabels(
        treated,
        elementCount(prediction.shape),
        labels,
        `postprocessor ${postprocessor.name}, case ${pair.id}`,
      );
      await keep?.(pair, { ...prediction, data: treated });
      scored.push({
        referenceFile: pair.reference,
        predictionFile: pair.prediction,
        metrics: checkedMetrics(evaluator.caseMetrics(reference, treated, labels), labels, evaluator.name),
        ...(pair.group !== undefined && { group: pair.group }),
      });
    }
    return { result: { decided, rules, summary: summarise(scored) } };
  });
}

async function* readCases(pairs: readonly CasePair[]) {
  for (const pair of pairs) {
    const [expected, prediction] = [await readLabelIds(pair.reference), await readLabelIds(pair.prediction)];
    const [shape, other] = [spatialShape(expected), spatialShape(prediction)];
    if (shape.join() !== other.join()) {
      throw new ShapeMismatchError(pair.prediction, shape, other, `it is compared with ${pair.reference}`, "image");
    }
    yield { pair, reference: expected.data, prediction };
  }
}
