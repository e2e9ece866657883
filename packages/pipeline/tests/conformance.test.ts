import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { augmentationConformance } from "@nnunet/augment";
import { type Evaluator, findConfiguration, labelSet, type LoadedCase, type NetworkBuilder } from "@nnunet/core";
import { evaluatorConformance } from "@nnunet/evaluate";
import { fingerprintConformance } from "@nnunet/fingerprint";
import { loadModel, predictorConformance } from "@nnunet/inference";
import { createPipeline, defaultStages } from "@nnunet/pipeline";
import { postprocessorConformance } from "@nnunet/postprocess";
import { preprocessorConformance } from "@nnunet/preprocess";
import { lossConformance, losses, trainerConformance } from "@nnunet/trainer";
import { networkConformance } from "@nnunet/unet-model";
import { preprocessTiny, tinyCase, tinyJson, tinyTraining, withScratch } from "./tiny-dataset.ts";

const dataset = tinyJson(3);
const labels = labelSet(dataset);
const cases: LoadedCase[] = [0, 1, 2].map((i) => ({ id: `tiny_${i}`, ...tinyCase(i) }));
const validation = cases.map(({ id, label }) => ({
  id,
  reference: label!.data,
  prediction: Int16Array.from(label!.data, (value, i) => (i % 50 === 0 ? 1 : value)),
  shape: label!.shape.slice(1) as [number, number, number],
}));

describe("the default stages keep to what is asked of any", () => {
  test("extractor, evaluator, postprocessor, trainer", async () => {
    expect(fingerprintConformance(defaultStages.fingerprintExtractor, cases, dataset)).toEqual([]);
    expect(evaluatorConformance(defaultStages.evaluator, labels)).toEqual([]);
    const { caseMetrics } = defaultStages.evaluator;
    expect(await postprocessorConformance(defaultStages.postprocessor, validation, labels, caseMetrics)).toEqual([]);
    expect(trainerConformance(defaultStages.trainer)).toEqual([]);
  });

  test.each(Object.keys(losses) as (keyof typeof losses)[])("the loss %s", async (name) => {
    expect(await lossConformance(losses[name])).toEqual([]);
  });

  test("preprocessor, network, predictor", () =>
    withScratch(async (scratch) => {
      const { plans, pipeline, dataset: raw } = await preprocessTiny(scratch);
      expect(preprocessorConformance(defaultStages.preprocessor, cases[0]!, plans, "3d_fullres", dataset)).toEqual([]);
      const { architecture, patchSize } = findConfiguration(plans, "3d_fullres");
      const size = { inputChannels: 1, outputChannels: 3, patchSize };
      expect(networkConformance(defaultStages.network, architecture, size)).toEqual([]);
      const { model } = await pipeline.train(raw, plans, "3d_fullres", 0, tinyTraining);
      const loaded = await loadModel(join(model));
      expect(await predictorConformance(defaultStages.predictor, [loaded], cases[0]!)).toEqual([]);
      const shifted = {
        ...defaultStages.predictor,
        name: "shifted",
        async predictImage(...given: Parameters<typeof defaultStages.predictor.predictImage>) {
          const { segmentation } = await defaultStages.predictor.predictImage(...given);
          return { segmentation: { ...segmentation, data: segmentation.data.map((label) => label + 5) } };
        },
      };
      const problems = await predictorConformance(shifted, [loaded], cases[0]!);
      expect(problems).toContain("gives no probabilities where they are asked for");
      expect(problems.join()).toMatch(/gives label \d, which the dataset does not have/);
      await loaded.dispose();

      const changing: NetworkBuilder = {
        name: "wide",
        build: (a, s) => ({ ...defaultStages.network.build(a, s), parameters: [] }),
      };
      expect(networkConformance(changing, architecture, size)[0]).toMatch(
        /uses .*weight, which is no parameter of the/,
      );
      await expect(
        createPipeline({ network: changing }, pipeline.folders).train(raw, plans, "3d_fullres", 1, tinyTraining),
      ).rejects.toThrow(/network wide: cannot be trained for 3d_fullres: node 0 \(conv\) uses /);
      const careless = {
        ...defaultStages.preprocessor,
        name: "careless",
        preprocessCase(...given: Parameters<typeof defaultStages.preprocessor.preprocessCase>) {
          const made = defaultStages.preprocessor.preprocessCase(...given);
          return { ...made, data: made.data.map((v, i) => (i === 0 ? Number.NaN : v)), shape: [2, 1, 1, 1] as const };
        },
      };
      const wrong = preprocessorConformance(careless, cases[0]!, plans, "3d_fullres", dataset);
      expect(wrong).toContain("data has 2560 values in shape [2,1,1,1], expected 1 channel of 1");
    }));
});

describe("a stage that breaks its contract is told in a sentence", () => {
  test("augmentation", () => {
    const wild = { name: "wild", augment: ({ data }: { data: Float32Array }) => void (data[0] = Math.random()) };
    expect(augmentationConformance(wild)).toEqual([
      "the same random numbers give two different images; draw all chance from the generator given",
    ]);
    const late = { name: "late", augment: (async () => {}) as () => void };
    expect(augmentationConformance(late)[0]).toMatch(/^augment\(\) is asynchronous/);
    const odd = { name: "odd", augment: ({ seg }: { seg: Int16Array }) => void seg.fill(9) };
    expect(augmentationConformance(odd)).toEqual(["the segmentation holds 9, which was no label before"]);
  });

  test("loss", async () => {
    const constant = await lossConformance(() => (tape) => tape.scalar(1));
    expect(constant[0]).toMatch(/^with labels: /);
    const uphill = await lossConformance(
      () => (tape, logits) => tape.log(tape.mean(tape.multiply(logits, tape.scalar(0)))),
    );
    expect(uphill[0]).toMatch(/^with labels: the loss is -Infinity/);
  });

  test("evaluator, extractor, trainer, postprocessor", async () => {
    const strict: Evaluator = { name: "strict", caseMetrics: () => ({}) };
    expect(evaluatorConformance(strict, labels)[0]).toBe('there is no score of "1"');
    const standard = defaultStages.fingerprintExtractor;
    const measureCase = (...given: Parameters<typeof standard.measureCase>) => ({
      ...(standard.measureCase(...given) as object),
      later: () => 1,
    });
    expect(fingerprintConformance({ ...standard, name: "functions", measureCase }, cases, dataset)).toEqual([
      "measurements cannot travel from a worker: they hold more than plain data",
    ]);
    const { trainer, postprocessor } = defaultStages;
    const partial = { ...trainer, name: "partial", completeSettings: () => ({ epochs: 1 }) as never };
    expect(trainerConformance(partial)[0]).toBe("settings.seed is undefined; the pipeline needs an integer");
    const odd = { ...postprocessor, name: "odd", apply: (s: Int16Array) => s.fill(7) };
    const found = await postprocessorConformance(odd, validation, labels, defaultStages.evaluator.caseMetrics);
    expect(found[0]).toBe("tiny_0: applying it changes its input");
    expect(found).toContain("tiny_0: gives label 7, which the dataset does not have");
  });
});
