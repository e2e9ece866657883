import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { openDataset } from "@nnunet/io";
import { writeTinyDataset } from "../../pipeline/tests/tiny-dataset.ts";
import { groupsBy } from "../src/options/group-by.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

const tiny = { name: "Dataset008_Made", prefix: "made", trainingCases: 10, testCases: 0, shape: [8, 12, 12] } as const;

test("a pattern groups by its first capture group, a table by a column", () =>
  withScratch(async (scratch) => {
    const dataset = await openDataset(await writeTinyDataset(join(scratch, "raw"), tiny));
    expect(await groupsBy("^made_(\\d)", dataset)).toMatchObject({ made_0: "0", made_9: "9" });
    const rows = dataset.trainingCases.map(({ id }, i) => `${id};"P ${i % 5}";x`);
    await writeFile(join(dataset.folder, "patients.csv"), `\uFEFFcase;patient;site\r\n${rows.join("\r\n")}\r\n`);
    expect(await groupsBy("patients.csv:patient", dataset)).toMatchObject({
      made_0: "P 0",
      made_5: "P 0",
      made_9: "P 4",
    });
  }));

test("what cannot group is refused: no capture group, a case that does not match, no such column, a case missing, told twice", () =>
  withScratch(async (scratch) => {
    const dataset = await openDataset(await writeTinyDataset(join(scratch, "raw"), tiny));
    const table = join(scratch, "t.csv");
    const refuse = async (by: string, problem: string) => expect(groupsBy(by, dataset)).rejects.toThrow(problem);
    await refuse("made", "--group-by: expected a pattern with a capture group");
    await refuse("([", "--group-by: expected a regular expression");
    await refuse("^(x\\d)", "found in every case id, made_0 too");
    await refuse("t.csv", "expected the table and its column, such as patients.csv:patient");
    await refuse(`${table}:patient`, "there is no such table");
    await writeFile(table, "case,patient\nmade_0,a\n");
    await refuse(`${table}:site`, "has no column site; its columns are case, patient");
    await refuse(`${table}:patient`, "has no patient of made_1, made_2");
    await writeFile(table, "case,patient\nmade_0,a\nmade_0,b\n");
    await refuse(`${table}:patient`, "has case made_0 twice, with a and with b");
  }));

test("nnunet split writes the folds, by groups where asked", () =>
  withScratch(async (scratch, roots) => {
    await writeTinyDataset(join(scratch, "raw"), tiny);
    const { code, stdout } = await nnunet("split", "8", "--group-by", "^made_([0-4]|[5-9])", "--json", ...roots);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ made: true });
    const few = await nnunet("split", "8", "--group-by", "^(made)_", ...roots);
    expect([few.code, few.stderr]).toEqual([3, expect.stringContaining("has 1 group, and the five folds")]);
    expect(few.stderr).toContain("with --seeds 5");
  }));
