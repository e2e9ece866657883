import { basename } from "node:path";
import {
  counted,
  type EvaluationSummary,
  FileError,
  labelSet,
  type Plans,
  type RawDataset,
  ShapeMismatchError,
  spatialShape,
  type StageOptions,
  type ValidationCase,
} from "@nnunet/core";
import { pathBelow } from "@nnunet/core/node";
import { summarise } from "@nnunet/evaluate";
import type { Context } from "../stages.ts";
import { readLabelIds } from "../steps/read-whole-labels.ts";
import { timedStage } from "../steps/timed-stage.ts";
import { caseOf } from "./validation-cases.ts";

/** A validation case by its files. */
export interface CasePair {
  readonly id: string;
  readonly reference: string;
  readonly prediction: string;
}

export interface ChosenPostprocessing {
  /** The stage's own data. */
  readonly decided: unknown;
  /** Which acceptance rules it was decided by. */
  readonly rules: "paper" | "v2";
  /** Of the validation cases after it. */
  readonly summary: EvaluationSummary;
}

/**
 * The files behind a summary: the dataset's own labels, and the predictions beside the summary, so that a results folder
 * may have been moved since they were written.
 *
 * @param folder - of the predictions
 * @throws {FileError} if a case is none of the dataset any more
 */
export function casePairs(dataset: RawDataset, folder: string, { cases }: EvaluationSummary): CasePair[] {
  const byId = new Map(dataset.trainingCases.map((files) => [files.id, files]));
  return cases.map(({ referenceFile, predictionFile }) => {
    const id = caseOf(referenceFile);
    const reference = byId.get(id)?.label;
    if (reference === undefined) {
      throw new FileError(folder, `holds a prediction of case ${id}, which is no training case of ${dataset.name}`);
    }
    return { id, reference, prediction: pathBelow(folder, basename(predictionFile.replaceAll("\\", "/"))) };
  });
}

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
  options: StageOptions = {},
): Promise<ChosenPostprocessing> {
  const { postprocessor, evaluator } = stages;
  const labels = labelSet(dataset.json);
  const { onEvent, ...rest } = options;
  const rules = plans.ruleSet === "paper" ? "paper" : "v2";
  const total = pairs.length;
  const cases = async function* () {
    let done = 0;
    for await (const each of readCases(pairs)) {
      yield each;
      onEvent?.({ type: "progress", stage: "postprocess", done: ++done, total, item: each.id });
    }
  };
  const detail = `what helps on ${counted(total, "validation case")}`;
  return timedStage("postprocess", { total, detail }, options, async () => {
    const decided = await postprocessor.decide(cases, labels, evaluator.caseMetrics, {
      ...rest,
      rules,
    });
    const scored: EvaluationSummary["cases"][number][] = [];
    let next = 0;
    for await (const { reference, prediction, shape } of cases()) {
      const pair = pairs[next++]!;
      scored.push({
        referenceFile: pair.reference,
        predictionFile: pair.prediction,
        metrics: evaluator.caseMetrics(reference, postprocessor.apply(prediction, shape, decided), labels),
      });
    }
    return { result: { decided, rules, summary: summarise(scored) } };
  });
}

async function* readCases(pairs: readonly CasePair[]): AsyncGenerator<ValidationCase> {
  for (const { id, reference, prediction } of pairs) {
    const [expected, predicted] = [await readLabelIds(reference), await readLabelIds(prediction)];
    const [shape, other] = [spatialShape(expected), spatialShape(predicted)];
    if (shape.join() !== other.join()) {
      throw new ShapeMismatchError(prediction, shape, other, `it is compared with ${reference}`, "image");
    }
    yield { id, reference: expected.data, prediction: predicted.data, shape };
  }
}
