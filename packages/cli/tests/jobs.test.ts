import { existsSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
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

test("a dry run writes nothing and says so: what would be divided anew is told in the conditional, once", () =>
  withScratch(async (scratch, roots) => {
    const dataset = { name: "Dataset008_Made", prefix: "made", trainingCases: 10, testCases: 0 } as const;
    const folder = await writeTinyDataset(join(scratch, "raw"), dataset);
    const rows = Array.from({ length: 10 }, (_, i) => `made_${i},${i % 5}`);
    await writeFile(join(folder, "patients.csv"), ["case,patient", ...rows].join("\n"));
    expect((await nnunet("split", "8", ...roots)).code).toBe(0);
    const before = await contents(join(scratch, "preprocessed"));
    const listed = await nnunet(
      ...[
        "run",
        "8",
        ...tinyTraining,
        "-c",
        "3d_fullres",
        "-f",
        "0",
        "--group-by",
        "patients.csv:patient",
        "--dry-run",
      ],
      ...roots,
    );
    expect([listed.code, listed.code === 0 ? "" : listed.stderr]).toEqual([0, ""]);
    const told = listed.stderr.split("\n").filter((line) => line.includes("splits_final.json"));
    expect(told).toEqual([expect.stringContaining("splits_final.json: would be written anew, as the cases")]);
    expect(await contents(join(scratch, "preprocessed"))).toEqual(before);
    // each job with what it needs, and the time and memory that was measured by a probe
    const [head] = listed.stdout.split("\n");
    expect(head!.trim().split(/ {2,}/)).toEqual(["job", "state", "needs", "time", "memory"]);
    expect(listed.stdout).toMatch(
      /^train 3d_fullres 0 +to do +preprocess 3d_fullres, split +about [\d.]+ m?s? ?.* +[\d.]+ GB *$/m,
    );
    expect(listed.stdout).toMatch(/^report +to do +the others, done or failed/m);
    expect(listed.stdout).toMatch(
      /on this machine, besides verify, split, fingerprint, plan, report, which nothing is known of yet\./,
    );
  }));

test("a dry run does not convert a Decathlon folder either", () =>
  withScratch(async (scratch, roots) => {
    const dataset = await writeTinyDataset(join(scratch, "raw"), {
      ...{ name: "Dataset008_Made", prefix: "made", trainingCases: 5, testCases: 0 },
    });
    const decathlon = join(scratch, "Task08_Made");
    await rename(dataset, decathlon);
    const listed = await nnunet("run", decathlon, "--group-by", "^(made_\\d)", "--dry-run", ...roots);
    expect(listed.code).not.toBe(0);
    expect(existsSync(join(scratch, "raw", "Dataset008_Made"))).toBe(false);
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

test("a dry run of a folder that is to be converted first names the command, as a shell takes it, and then knows what it became", () =>
  withScratch(async (scratch, roots) => {
    const made = { name: "Task09 my own", prefix: "made", trainingCases: 5, testCases: 0, shape: [8, 12, 12] } as const;
    const folder = await writeTinyDataset(scratch, made);
    const dry = (...given: string[]) => nnunet("run", ...given, "-c", "2d", "--dry-run", ...roots);
    for (const command of [() => dry(folder), () => nnunet("train", folder, "2d", "0", ...roots)]) {
      const { code, stderr } = await command();
      expect(code).toBe(3);
      expect(stderr).toBe(
        `nnunet: ${folder}: is not converted yet; "nnunet convert '${folder}' --raw ${join(scratch, "raw")}" does it\n`,
      );
    }
    expect(existsSync(join(scratch, "raw"))).toBe(false);
    const task = await writeTinyDataset(scratch, { ...made, name: "Task008_Made" });
    await writeTinyDataset(join(scratch, "raw"), { ...made, name: "Dataset008_Made" });
    const known = await dry(task);
    expect([known.code, known.stdout]).toEqual([0, expect.stringContaining("Dataset008_Made")]);
  }));
