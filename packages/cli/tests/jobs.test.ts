import { rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import type { DatasetStatus } from "@nnunet/pipeline";
import { writeTinyDataset } from "../../pipeline/tests/tiny-dataset.ts";
import { contents } from "./folder-contents.ts";
import { tinyTraining } from "./made-dataset.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

jest.setTimeout(480_000);

test("each job is a command that works by itself: one after the other they give what run gives, byte for byte", () =>
  withScratch(async (scratch, roots) => {
    const dataset = {
      name: "Dataset008_Made",
      prefix: "made",
      trainingCases: 5,
      testCases: 1,
      shape: [8, 12, 12],
    } as const;
    await writeTinyDataset(join(scratch, "raw"), dataset);
    const options = [...tinyTraining, "-c", "3d_fullres", "-f", "0", "1", "--workers", "1"];
    const listed = await nnunet("run", "8", ...options, "--dry-run", "--json", ...roots);
    const { jobs } = JSON.parse(listed.stdout) as DatasetStatus;
    for (const { command } of jobs) {
      expect(command.filter((word) => ["--configuration", "--fold"].includes(word))).toEqual([]);
      const { code, stderr } = await nnunet(...command, ...roots);
      expect([command.join(" "), code, code === 0 ? "" : stderr]).toEqual([command.join(" "), 0, ""]);
    }
    const folders = ["preprocessed", "results"].map((name) => join(scratch, name));
    const byThemselves = await Promise.all(folders.map(contents));
    for (const folder of folders) await rename(folder, `${folder}_by_themselves`);

    const run = await nnunet("run", "8", ...options, ...roots);
    expect(run.code).toBe(0);
    expect(await Promise.all(folders.map(contents))).toEqual(byThemselves);

    // and run finds all of it done
    for (const folder of folders) {
      await rename(folder, `${folder}_by_run`);
      await rename(`${folder}_by_themselves`, folder);
    }
    const again = await nnunet("run", "8", ...options, "--json", ...roots);
    expect(again.code).toBe(0);
    const made = again.stderr.split("\n").filter((line) => /"type":"(progress|iteration)"/.test(line));
    // cases are looked at
    expect(made.filter((line) => !/"stage":"(evaluate|preprocess)"/.test(line))).toEqual([]);
    const status = await nnunet("status", "8", ...roots);
    expect(status.stdout).toContain("Dataset008_Made: 10 jobs, 10 done");
  }));

test("a budget and a dry run together are refused: a dry run trains nothing that the budget could be measured by", async () => {
  const refused = await nnunet("run", "8", "--budget", "1h", "--dry-run");
  expect(refused.stderr).toContain("one of --dry-run and --budget");
  expect(refused.code).toBe(2);
});

test("nnunet test without test images is an error, not a success", () =>
  withScratch(async (scratch, roots) => {
    const dataset = { name: "Dataset008_Made", prefix: "made", trainingCases: 5, testCases: 0 } as const;
    await writeTinyDataset(join(scratch, "raw"), dataset);
    await nnunet("fingerprint", "8", ...roots);
    await nnunet("plan", "8", ...roots);
    const tested = await nnunet("test", "8", ...roots);
    expect(tested.stderr).toContain("holds no image to be segmented");
    expect(tested.code).toBe(3);
  }));
