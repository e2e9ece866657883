import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { nnunet, withScratch } from "./run-nnunet.ts";

/** As nnU-Net v2 writes it: `json.dump` of Python prints bare NaN. */
const metrics = (dice: string) =>
  `{"Dice": ${dice}, "FN": 0, "FP": 3, "IoU": ${dice}, "TN": 97, "TP": 0, "n_pred": 3, "n_ref": 0}`;

test("info reads a summary.json of nnU-Net v2 that holds NaN, and shows a remark", () =>
  withScratch(async (folder) => {
    const path = join(folder, "summary.json");
    await writeFile(
      path,
      `{"remark": "These are training cases.", "foreground_mean": ${metrics("NaN")}, "mean": {"1": ${metrics("NaN")}, "2": ${metrics("Infinity")}},
       "metric_per_case": [{"metrics": {"1": ${metrics("NaN")}, "2": ${metrics("-Infinity")}}, "prediction_file": "a/NaN.nii.gz", "reference_file": "b/NaN.nii.gz"}]}`,
    );
    const { code, stdout } = await nnunet("info", path);
    expect(stdout).toContain(`${path}: scores of 1 case`);
    expect(stdout).toContain("These are training cases.");
    expect(code).toBe(0);
  }));
