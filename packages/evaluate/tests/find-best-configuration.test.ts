import { expect, test } from "@jest/globals";
import { labelSet } from "@nnunet/core";
import { candidateConfigurations, caseMetrics, findBestConfiguration, summarise } from "@nnunet/evaluate";

const labels = labelSet({
  channelNames: ["CT"],
  labels: { background: 0, a: 1, b: 2 },
  numTraining: 1,
  fileEnding: ".nii.gz",
});
/** Two cases of ten voxels of label 1 of which `found` are found; label 2 is nowhere. */
const scored = (configurations: string[], found: number, folder = "labelsTr") => ({
  configurations,
  summary: summarise(
    ["x.nii.gz", "y.nii.gz"].map((name) => ({
      referenceFile: `${folder}/${name}`,
      predictionFile: name,
      metrics: caseMetrics(
        new Int16Array(10).fill(1),
        Int16Array.from({ length: 10 }, (_, i) => Number(i < found)),
        labels,
      ),
    })),
  ),
});

test("every configuration and every pair is a candidate, singles first", () => {
  expect(candidateConfigurations(["2d", "3d_fullres", "3d_lowres"])).toEqual([
    ["2d"],
    ["3d_fullres"],
    ["3d_lowres"],
    ["2d", "3d_fullres"],
    ["2d", "3d_lowres"],
    ["3d_fullres", "3d_lowres"],
  ]);
});

test("the best mean over the labels that occur, with all scores", () => {
  const { best, ranking } = findBestConfiguration([
    scored(["2d"], 5),
    scored(["3d_fullres"], 9, "elsewhere/labelsTr"),
    scored(["2d", "3d_fullres"], 7),
  ]);
  expect(best.configurations).toEqual(["3d_fullres"]);
  expect(best.score).toBeCloseTo(18 / 19, 12);
  expect(ranking.map(({ configurations }) => configurations.join("+"))).toEqual(["3d_fullres", "2d+3d_fullres", "2d"]);
});

test("of two cases nobody can tell how sure the choice is", () => {
  const { ranking } = findBestConfiguration([scored(["2d"], 5), scored(["3d_fullres"], 9)]);
  expect(ranking.map(({ behindBest }) => behindBest)).toEqual([Number.NaN, Number.NaN]);
});

test("equals: the simpler one by default, the last as in version 1", () => {
  const equal = [scored(["2d"], 5), scored(["3d_fullres"], 7), scored(["2d", "3d_fullres"], 7)];
  expect(findBestConfiguration(equal).best.configurations).toEqual(["3d_fullres"]);
  expect(findBestConfiguration(equal, { ties: "last" }).best.configurations).toEqual(["2d", "3d_fullres"]);
});

test("no best is found among none, among candidates with other cases, or where no label has a Dice", () => {
  expect(() => findBestConfiguration([])).toThrow("candidates: expected at least one, got []");
  const one = scored(["3d_fullres"], 5);
  const fewer = { ...one, configurations: ["2d"], summary: summarise(one.summary.cases.slice(1)) };
  expect(() => findBestConfiguration([one, fewer])).toThrow(
    "candidate 2d: expected the cases of 3d_fullres (2); train and validate the same folds of both, got 1",
  );
  const empty = {
    referenceFile: "x",
    predictionFile: "x",
    metrics: caseMetrics(new Int16Array(3), new Int16Array(3), labels),
  };
  expect(() => findBestConfiguration([{ configurations: ["2d"], summary: summarise([empty]) }])).toThrow(
    "candidate 2d: expected a Dice for at least one label, got [NaN, NaN]",
  );
});
