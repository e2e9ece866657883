import { type Postprocessor, UnknownStageError } from "@nnunet/core";
import { type AcceptanceRules, acceptanceRules } from "./acceptance-rules.ts";
import { determinePostprocessing } from "./determine-postprocessing.ts";
import { applyPostprocessing, type Postprocessing } from "./postprocessing.ts";
import { postprocessingFromJson, postprocessingToJson } from "./postprocessing-json.ts";

/** Keeping the largest components where that helps, as a stage; `rules` are the names of {@link acceptanceRules}. */
export const defaultPostprocessor: Postprocessor<Postprocessing> = {
  name: "default",
  decide: (cases, labels, caseMetrics, { rules = "paper", ...options } = {}) =>
    determinePostprocessing(cases, labels, caseMetrics, { ...options, rules: rulesNamed(rules) }),
  apply: applyPostprocessing,
  toJson: postprocessingToJson,
  fromJson: postprocessingFromJson,
};

function rulesNamed(name: string): AcceptanceRules {
  const known: Readonly<Record<string, AcceptanceRules>> = acceptanceRules;
  if (!Object.hasOwn(known, name)) throw new UnknownStageError("acceptance rules", name, Object.keys(known));
  return known[name]!;
}
