import { cp, mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { labelSet } from "@nnunet/core";
import { writeJsonAtomic } from "@nnunet/core/node";
import { caseMetrics, summarise, summaryToJson } from "@nnunet/evaluate";
import { nnunet, withScratch } from "./run-nnunet.ts";

const labels = labelSet({
  channelNames: ["MRI"],
  labels: { background: 0, a: 1 },
  numTraining: 12,
  fileEnding: ".nii.gz",
});

/** Two folds of a cross-validation whose predictions miss so many of 100 voxels. */
async function crossValidation(
  results: string,
  dataset: string,
  misses: readonly number[],
  { remark, groupOf }: { remark?: string; groupOf?: (i: number) => string } = {},
): Promise<void> {
  const folder = join(results, dataset, "nnUNetTrainer__nnUNetPaperPlans__3d_fullres");
  for (const fold of [0, 1]) {
    const cases = misses.flatMap((missed, i) => {
      if (i % 2 !== fold) return [];
      const reference = new Int16Array(200).fill(1, 0, 100);
      const prediction = new Int16Array(200).fill(1, missed, 100);
      const file = `case_${i}.nii.gz`;
      const metrics = caseMetrics(reference, prediction, labels);
      return [{ referenceFile: file, predictionFile: file, metrics, ...(groupOf && { group: groupOf(i) }) }];
    });
    const path = join(folder, `fold_${fold}`, "validation", "summary.json");
    await mkdir(join(path, ".."), { recursive: true });
    await writeJsonAtomic(path, summaryToJson({ ...(remark === undefined ? {} : { remark }), ...summarise(cases) }));
  }
}

const twelve = (missed: (i: number) => number) => Array.from({ length: 12 }, (_, i) => missed(i));

test("compare ranks variants per dataset and over all of them, as table, JSON and drawing", () =>
  withScratch(async (scratch) => {
    const [ours, adam] = [join(scratch, "ours"), join(scratch, "adam")];
    for (const dataset of ["Dataset001_A", "Dataset002_B"]) {
      await crossValidation(
        ours,
        dataset,
        twelve((i) => 5 + i),
      );
      await crossValidation(
        adam,
        dataset,
        twelve((i) => 15 + i),
      );
    }
    const drawing = join(scratch, "ranks.svg");
    const { code, stdout } = await nnunet("compare", `nnU-Net=${ours}`, adam, "--draw", drawing);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Dataset001_A, 12 cases, 1,000 virtual validation sets:/);
    expect(stdout).toMatch(/nnU-Net +0\.9\d+ +1\.00 +100 % +100 % 0 %/);
    expect(stdout).toMatch(/all datasets, 24 cases/);
    expect(await readFile(drawing, "utf8")).toContain("nnU-Net");
    expect(await nnunet("compare", ours, adam, "--draw", drawing)).toMatchObject({ code: 3 });
    const json = await nnunet("compare", ours, adam, "--json");
    expect(JSON.parse(json.stdout).overall.variants.map(({ variant }: { variant: string }) => variant)).toEqual([
      "ours",
      "adam",
    ]);
  }));

test("images of one patient are no independent cases, neither of a dataset nor over all of them", () =>
  withScratch(async (scratch) => {
    const [ours, adam] = [join(scratch, "ours"), join(scratch, "adam")];
    for (const dataset of ["Dataset001_A", "Dataset002_B"]) {
      for (const [folder, more] of [
        [ours, 0],
        [adam, 1],
      ] as const) {
        const misses = twelve((i) => 5 + i + more);
        await crossValidation(folder, dataset, misses, { groupOf: (i) => `patient ${i % 3}` });
      }
    }
    const { code, stdout } = await nnunet("compare", ours, adam);
    expect(code).toBe(0);
    expect(stdout).toMatch(/Dataset001_A, 12 cases in 3 groups, 1,000 .*; too few groups to tell anything:/);
    expect(stdout).toMatch(/all datasets, 24 cases in 6 groups, 1,000 .*; too few groups to tell anything:/);
  }));

test("unequal cases are compared where they are common, which is told; --strict refuses", () =>
  withScratch(async (scratch) => {
    const [ours, adam] = [join(scratch, "ours"), join(scratch, "adam")];
    await crossValidation(
      ours,
      "Dataset001_A",
      twelve((i) => i),
    );
    await crossValidation(
      ours,
      "Dataset002_B",
      twelve((i) => i),
    );
    await crossValidation(adam, "Dataset001_A", twelve((i) => 2 * i).slice(0, 10));
    const { code, stdout, stderr } = await nnunet("compare", ours, adam);
    expect(code).toBe(0);
    expect(stderr).toContain("Dataset001_A: compared on the 10 cases that all variants have (ours 12, adam 10)");
    expect(stderr).toContain("Dataset002_B is left out: adam has no validation of it");
    expect(stdout).not.toContain("all datasets");
    const strict = await nnunet("compare", ours, adam, "--strict");
    expect([strict.code, strict.stdout]).toEqual([3, ""]);
    expect(strict.stderr).toMatch(/validate the same cases in each, or compare without --strict/);
  }));

test("a model folder is known by its plan wherever it lies, a folder with two variants names the way out", () =>
  withScratch(async (scratch) => {
    const [ours, copy] = [join(scratch, "ours"), join(scratch, "taken home")];
    for (const results of [ours, copy])
      await crossValidation(
        results,
        "Dataset001_A",
        twelve((i) => i),
      );
    const model = "nnUNetTrainer__nnUNetPaperPlans__3d_fullres";
    await rename(join(copy, "Dataset001_A", model), join(copy, model));
    await writeJsonAtomic(join(copy, model, "plans.json"), { dataset_name: "Dataset001_A" });
    const { code, stdout } = await nnunet("compare", `a=${ours}`, `__proto__=${join(copy, model)}`);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/Dataset001_A, 12 cases.*__proto__ +0\.9/s)]);
    await cp(join(ours, "Dataset001_A", model), join(ours, "Dataset001_A", model.replace("Plans", "Plans_adam")), {
      recursive: true,
    });
    const two = await nnunet("compare", `a=${ours}`, `b=${ours}`);
    expect([two.code, two.stderr]).toEqual([
      3,
      expect.stringMatching(/lies beside nnUNet.*; name the folder of the one that is meant, instead of the folder/),
    ]);
  }));

test("scores that are none, and cases of other labels, are refused: a mean over them would be of something else", () =>
  withScratch(async (scratch) => {
    const [ours, spoilt] = [join(scratch, "ours"), join(scratch, "spoilt")];
    for (const results of [ours, spoilt])
      await crossValidation(
        results,
        "Dataset001_A",
        twelve((i) => i),
      );
    const path = join(
      spoilt,
      "Dataset001_A",
      "nnUNetTrainer__nnUNetPaperPlans__3d_fullres",
      "fold_1/validation/summary.json",
    );
    const whole = await readFile(path, "utf8");
    const refused = async (change: (metrics: Record<string, { Dice: number }>) => void) => {
      const summary = JSON.parse(whole) as { metric_per_case: { metrics: Record<string, { Dice: number }> }[] };
      change(summary.metric_per_case[2]!.metrics);
      await writeJsonAtomic(path, summary);
      const { code, stdout, stderr } = await nnunet("compare", ours, spoilt);
      expect([code, stdout]).toEqual([3, ""]);
      return stderr;
    };
    for (const dice of [5, -1]) {
      expect(await refused(({ "1": a }) => void (a!.Dice = dice))).toContain(
        `metric_per_case.2.metrics.1.Dice: expected 0 to 1, got ${dice}; evaluate again`,
      );
    }
    const other = await refused((metrics) => void (metrics["2"] = metrics["1"]!));
    expect(other).toContain("metric_per_case.2.metrics: scores the labels 1, 2, cases before it 1; evaluate again");
    expect(await refused((metrics) => void delete metrics["1"])).toContain("summary.json → metric_per_case.2.metrics");
  }));

test("what cannot be compared is refused in a sentence", () =>
  withScratch(async (scratch) => {
    const ours = join(scratch, "ours");
    await crossValidation(
      ours,
      "Dataset001_A",
      twelve((i) => i),
    );
    expect((await nnunet("compare", ours)).stderr).toMatch(/at least two folders to compare/);
    expect(await nnunet("compare", ours, ours)).toMatchObject({ code: 2 });
    const gone = await nnunet("compare", ours, join(scratch, "gone"));
    expect([gone.code, gone.stderr]).toEqual([3, expect.stringMatching(/gone: there is no such folder/)]);
    await mkdir(join(scratch, "empty"));
    expect((await nnunet("compare", ours, join(scratch, "empty"))).stderr).toMatch(/empty: holds no validated folds/);
  }));

test("compare takes no fold that has seen its cases, or was divided at random, for evidence", () =>
  withScratch(async (scratch) => {
    const [ours, seeds] = [join(scratch, "ours"), join(scratch, "seeds")];
    const misses = twelve((i) => 5 + i);
    await crossValidation(ours, "Dataset001_A", misses);
    await crossValidation(seeds, "Dataset001_A", misses, {
      remark: "Fold 0 was trained on all of these cases",
    });
    const { code, stderr } = await nnunet("compare", ours, seeds);
    expect(code).toBe(3);
    expect(stderr).toContain("none of a cross-validation (Fold 0 was trained on all of these cases)");
    expect(stderr).toContain("holds no validated folds");
  }));
