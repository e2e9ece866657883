import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, jest, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume, datasetFromJson, labelSet, type VolumeShape } from "@nnunet/core";
import { makeFolder, writeJsonAtomic } from "@nnunet/core/node";
import { candidateConfigurations, diceIntervals, findBestConfiguration, summarise } from "@nnunet/evaluate";
import { segmentationFromProbabilities } from "@nnunet/inference";
import { openDataset, writeImage } from "@nnunet/io";
import { createPipeline, resultsPaths } from "@nnunet/pipeline";
import { defaultPlanner } from "@nnunet/planner";
import { probabilitiesSha256, writeProbabilities } from "@nnunet/preprocess";
import { ensembleFolder } from "../src/folders.ts";
import { choosePostprocessing } from "../src/selection/choose-postprocessing.ts";
import { crossValidation, type ValidatedConfiguration } from "../src/selection/cross-validation.ts";
import { scoreEnsemble } from "../src/selection/score-ensembles.ts";
import { casePairs, casesOf } from "../src/selection/validation-cases.ts";
import { foldersIn, withScratch } from "./tiny-dataset.ts";

jest.setTimeout(120_000);

/** What nnunetv2 2.8.1 makes of small trees of validation results (tools/fixtures/pipeline/find_best.py). */
interface Fixture {
  readonly shape: readonly [number, number, number];
  readonly scenarios: Readonly<Record<string, Scenario>>;
}
interface Scenario {
  readonly dataset: unknown;
  readonly cases: readonly {
    readonly id: string;
    readonly fold: number;
    readonly reference: string;
    readonly probabilities: Readonly<Record<string, string>>;
  }[];
  readonly expected: {
    readonly all_results: Readonly<Record<string, number>>;
    readonly chosen: readonly string[];
    readonly before: number;
    readonly after: number;
    readonly keep_largest: readonly (readonly number[])[];
  };
}
const { shape, scenarios }: Fixture = JSON.parse(
  readFileSync(new URL("./fixtures/find-best-v2.json", import.meta.url), "utf8"),
);

/** SHA-256 of the stored probabilities of a configuration's cases. */
async function hashesOf({ compared }: ValidatedConfiguration): Promise<Map<string, string>> {
  const hashes = new Map<string, string>();
  for (const { paths, summary } of compared) {
    for (const id of casesOf(summary)) hashes.set(id, await probabilitiesSha256(paths.probabilities, id));
  }
  return hashes;
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const geometry = axisAlignedGeometry([2, 1, 1]);

/** The tree of a scenario as our own trainings would have left it, but for the networks; then the steps of `findBest`. */
const chosenFrom = ({ dataset: json, cases }: Scenario) =>
  withScratch(async (scratch) => {
    const folders = foldersIn(scratch);
    const context = createPipeline({}, folders);
    const folder = join(folders.raw, "Dataset100_Tree");
    const described = { ...(json as object), numTraining: cases.length };
    await writeJsonAtomic(join(folder, "dataset.json"), described);
    for (const { id, reference } of cases) {
      await writeImage(
        join(folder, "labelsTr", `${id}.nii.gz`),
        createVolume(bytes(reference), [1, ...shape], geometry),
      );
      await writeImage(
        join(folder, "imagesTr", `${id}_0000.nii.gz`),
        createVolume(new Float32Array(320), [1, ...shape], geometry),
      );
    }
    const dataset = await openDataset(folder);
    const labels = labelSet(datasetFromJson(described, "dataset.json"));
    const plans = defaultPlanner.plan(
      {
        spacings: cases.map(() => [2, 1, 1]),
        shapesAfterCrop: cases.map(() => shape),
        foregroundIntensityPerChannel: [
          { mean: 0, median: 0, std: 1, min: 0, max: 0, percentile005: 0, percentile995: 0 },
        ],
        medianRelativeSizeAfterCropping: 1,
      },
      dataset.json,
      { ruleSet: "v2" },
    );
    const probabilityShape: VolumeShape = [labels.outputChannels, ...shape];
    for (const configuration of ["2d", "3d_fullres"]) {
      for (const fold of [0, 1]) {
        const paths = resultsPaths(folders, dataset.name, plans.plansName, configuration).fold(fold);
        await makeFolder(paths.validation);
        await writeFile(paths.model, "a network that is not run here");
        const pairs = [];
        for (const { id, probabilities } of cases.filter((each) => each.fold === fold)) {
          const values = Float32Array.from(bytes(probabilities[configuration]!), (value) => value / 256);
          const volume = createVolume(values, probabilityShape, geometry);
          const prediction = join(paths.validation, `${id}.nii.gz`);
          await writeImage(prediction, segmentationFromProbabilities(volume, labels));
          pairs.push({ reference: join(folder, "labelsTr", `${id}.nii.gz`), prediction });
          const header = { shape: probabilityShape, geometry, contentHash: `${configuration} ${id}` };
          await writeProbabilities(paths.probabilities, id, header, async (write) => {
            for (let c = 0; c < probabilityShape[0]; c++) await write(values.subarray(c * 320, (c + 1) * 320));
          });
        }
        await context.evaluate(pairs, dataset.json, paths.summary);
      }
    }
    const { configurations } = await crossValidation(folders, dataset, plans);
    const byName = new Map(configurations.map((each) => [each.configuration, each]));
    const candidates = [];
    for (const names of candidateConfigurations([...byName.keys()])) {
      const members = names.map((name) => byName.get(name)!);
      const summary =
        names.length > 1
          ? await scoreEnsemble(context, dataset, plans, members, await Promise.all(members.map(hashesOf)))
          : summarise(members[0]!.compared.flatMap((each) => each.summary.cases));
      candidates.push({ configurations: names, summary });
    }
    const { best, ranking } = findBestConfiguration(candidates);
    const pairs =
      best.configurations.length === 1
        ? byName
            .get(best.configurations[0]!)!
            .compared.flatMap(({ paths, summary }) => casePairs(dataset, paths.validation, summary))
        : casePairs(
            dataset,
            ensembleFolder(folders, dataset.name, plans.plansName, best.configurations),
            candidates.at(-1)!.summary,
          );
    const { decided, summary } = await choosePostprocessing(context, dataset, plans, pairs);
    return { ranking, best, decided, after: diceIntervals(summary).foregroundMean.mean };
  });

describe("what is chosen is what nnU-Net v2 chooses", () => {
  test.each(Object.entries(scenarios))(
    "%s: scores, choice, postprocessing and the score after it",
    async (_, scenario) => {
      const { expected } = scenario;
      const { ranking, best, decided, after } = await chosenFrom(scenario);
      const theirs = Object.entries(expected.all_results);
      expect(theirs).toHaveLength(3);
      for (const { configurations, score } of ranking) {
        const names = configurations.map((name) => `nnUNetTrainer__nnUNetPlans__${name}`);
        const [, wanted] = theirs.find(
          ([key]) => key === (names.length === 1 ? names[0] : `ensemble___${names.join("___")}___0_1`),
        )!;
        expect(Math.abs(score - wanted)).toBeLessThan(1e-12); // float64, summed in another order
      }
      expect(best.configurations).toEqual(expected.chosen);
      expect((decided as { keepLargest: unknown }).keepLargest).toEqual(expected.keep_largest);
      expect(Math.abs(after - expected.after)).toBeLessThan(1e-12);
    },
  );

  test("the trees make for different choices", () => {
    const all = Object.values(scenarios).map(({ expected }) => expected);
    expect(new Set(all.map(({ chosen }) => chosen.length))).toEqual(new Set([1, 2]));
    expect(all.some(({ keep_largest }) => keep_largest.length > 0)).toBe(true);
    expect(all.some(({ before, after }) => after > before)).toBe(true);
  });
});
