#!/usr/bin/env node
/**
 * Compares what nnU-Net v2 and we chose of the same trainings, for tools/proofs/v2-tools.sh.
 *
 *   node tools/proofs/compare-selections.mjs OURS/inference_information.json THEIRS/inference_information.json
 *
 * Prints both scores of every candidate, the choice, and its score before and after postprocessing; ends with 1 if a score differs
 * by more than 1e-9 or the choice is another.
 */
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

const [ours, theirs] = process.argv.slice(2).map((path) => JSON.parse(readFileSync(path, "utf8")));
if (!theirs) {
  console.error("Which? node tools/proofs/compare-selections.mjs OURS THEIRS");
  process.exit(2);
}
const best = [ours, theirs].map(({ best_model_or_ensemble }) => best_model_or_ensemble);
const pairs = [
  ...Object.keys(theirs.all_results).map((name) => [name, ours.all_results[name], theirs.all_results[name]]),
  ...["result_on_crossval_pre_pp", "result_on_crossval_post_pp"].map((key) => [key, ...best.map((each) => each[key])]),
];
let differing = 0;
for (const [name, a, b] of pairs) {
  const isSame = Math.abs(a - b) < 1e-9;
  if (!isSame) differing++;
  console.log(`${isSame ? "same" : "DIFFERS"}  ours ${a}  v2's ${b}  ${name}`);
}
const chosen = best.map(({ selected_model_or_models }) =>
  selected_model_or_models.map(({ configuration }) => configuration),
);
const isSameChoice = isDeepStrictEqual(chosen[0].sort(), chosen[1].sort());
console.log(
  `${isSameChoice ? "same" : "DIFFERS"}  chosen: ours ${chosen[0].join(" + ")}, v2's ${chosen[1].join(" + ")}`,
);
process.exit(differing === 0 && isSameChoice ? 0 : 1);
