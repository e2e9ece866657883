import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { writeTinyDataset } from "../../pipeline/tests/tiny-dataset.ts";
import { describeSeeds } from "../src/describe/describe-seeds.ts";
import { tinyTraining } from "./made-dataset.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

test("the spread of seeds is a line: range, mean, standard deviation of a sample", () => {
  const [line] = describeSeeds([{ configuration: "2d", patchDice: [0.8, 0.9] }]);
  expect(line).toBe(
    "2d, 2 seeds: patch Dice at the end 0.800 to 0.900, mean 0.850, standard deviation 0.071; they differ by chance alone, and were measured on the cases that they were trained on",
  );
});

test("a run with several seeds says how far they lie apart, a training from the second one on; a cross-validation does not", () =>
  withScratch(async (scratch, roots) => {
    const dataset = { name: "Dataset008_Made", prefix: "made", trainingCases: 3, testCases: 0 } as const;
    await writeTinyDataset(join(scratch, "raw"), dataset);
    const options = [...tinyTraining, "--workers", "1"];
    for (const command of [
      ["split", "8", "--seeds", "2"],
      ["fingerprint", "8"],
      ["plan", "8"],
      ["preprocess", "8"],
    ]) {
      expect((await nnunet(...command, ...roots)).code).toBe(0);
    }
    const line = /^3d_fullres, 2 seeds: patch Dice at the end \d\.\d{3} to \d\.\d{3}, mean /m;
    const first = await nnunet("train", "8", "3d_fullres", "0", ...options, ...roots);
    expect([first.code, line.test(first.stdout)]).toEqual([0, false]);
    const second = await nnunet("train", "8", "3d_fullres", "1", ...options, ...roots);
    expect(second.stdout).toMatch(line);
    const run = await nnunet("run", "8", "--seeds", "2", "-c", "3d_fullres", ...options, ...roots);
    expect([run.code, run.code === 0 ? "" : run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toMatch(line);
    const json = await nnunet("run", "8", "--seeds", "2", "-c", "3d_fullres", ...options, "--json", ...roots);
    expect(JSON.parse(json.stdout)).toMatchObject({
      seeds: [{ configuration: "3d_fullres", patchDice: [expect.any(Number), expect.any(Number)] }],
    });
  }));
