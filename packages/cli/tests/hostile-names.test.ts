import { cp, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, jest, test } from "@jest/globals";
import { readJson, writeJsonAtomic } from "@nnunet/core/node";
import { writeMadeDataset } from "./made-dataset.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

jest.setTimeout(240_000);

/** Sets the title, clears the screen, fakes a line, turns the order, hides. */
const evil = "\u001b]0;owned\u0007\u001b[2J\rnnunet: all is well\n\u202egnp\u200b\u009b31m";

const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Runs a command; whatever it prints, no character of it acts on a terminal, and no line is anybody else's. */
async function harmless(...args: readonly string[]): Promise<void> {
  for (const json of [[], ["--json"]]) {
    const { code, stdout, stderr } = await nnunet(...args, ...json);
    for (const [name, text] of Object.entries({ stdout, stderr })) {
      const found = [...text.replaceAll("\n", "").matchAll(unseen)].map(([c]) => c.codePointAt(0)!.toString(16));
      expect({ args, name, found }).toEqual({ args, name, found: [] });
      expect({ args, faked: text.split("\n").includes("nnunet: all is well") }).toEqual({ args, faked: false });
    }
    expect({ args, code, known: [0, 1, 2, 3].includes(code) }).toEqual({ args, code, known: true });
  }
}

test("names of files, folders, labels, channels and arguments have no power over the terminal", () =>
  withScratch(async (scratch, roots) => {
    const dataset = await writeMadeDataset(join(scratch, "raw"));
    // a label and a channel with the name, and a stray file
    const path = join(dataset, "dataset.json");
    const json = (await readJson(path)) as { labels: object };
    await writeJsonAtomic(path, {
      ...json,
      name: evil,
      description: evil,
      channel_names: { 0: `CT${evil}` },
      labels: { ...json.labels, [evil]: Math.max(...Object.values(json.labels)) + 1 },
    });
    await writeFile(join(dataset, "imagesTr", `${evil.replaceAll("/", "")}.txt`), "stray");
    await harmless("verify", "8", ...roots);
    await harmless("info", dataset);
    await harmless("fingerprint", "8", ...roots);
    await harmless("plan", "8", "--explain", "--draw", join(scratch, "drawn"), ...roots);
    await harmless("info", path, join(scratch, "preprocessed", "Dataset008_Made"));
    await harmless("fingerprint", "--compare", "8", "8", "--draw", join(scratch, "f.svg"), ...roots);
    expect((await readFile(join(scratch, "f.svg"), "utf8")).replaceAll("\n", "")).not.toMatch(unseen);

    // plans with the name in every text
    const plansPath = join(scratch, "preprocessed", "Dataset008_Made", "nnUNetPaperPlans.json");
    const plans = JSON.stringify(await readJson(plansPath));
    const edited = JSON.parse(plans) as { explanation: { text: string; rule: string }[]; dataset_name: string };
    for (const decision of edited.explanation) {
      decision.text = `${decision.text} ${evil}`;
      decision.rule = `${decision.rule}${evil}`;
    }
    const copy = join(scratch, "plans.json");
    await writeJsonAtomic(copy, edited);
    await harmless("info", copy);
    await harmless("plan", "--compare", plansPath, copy);

    // names on the command line, of files that are there and that are not
    const folder = join(scratch, evil.replaceAll("/", ""));
    await mkdir(folder);
    await cp(join(dataset, "imagesTr"), folder, { recursive: true });
    await harmless("info", folder, join(folder, "made_0_0000.nii.gz"));
    await harmless("info", join(folder, evil.replaceAll("/", "")));
    for (const command of [
      ["convert", folder],
      ["verify", folder],
      ["verify", evil],
      ["fingerprint", evil],
      ["plan", evil],
      ["plan", "8", "--planner", evil],
      ["plan", "8", "--set", `${evil}=1`],
      ["preprocess", evil],
      ["preprocess", "8", "-c", evil],
      ["train", "8", evil, "0"],
      ["train", "8", "3d_fullres", evil],
      ["predict", "-i", folder, "-o", join(scratch, "out"), "-m", join(folder, "none.onnx")],
      ["predict", "-i", folder, "-o", folder, "-d", "8", "-c", evil],
      ["evaluate", folder, folder],
      ["export", "8", evil, "-f", "0", "-o", "x.onnx"],
      ["report", evil],
      ["report", "8", "--plans", evil],
      ["run", evil],
      [evil],
      ["info", `--${evil}`, "x"],
    ]) {
      await harmless(...command, ...(command[0] === evil ? [] : roots));
    }
    await rename(folder, join(scratch, "gone"));
  }));

test.each([
  ["info", ""],
  ["info", "  "],
  ["convert", ""],
  ["verify", ""],
  ["verify", "8", "--fix", ""],
  ["fingerprint", ""],
  ["fingerprint", "8", "--raw", ""],
  ["plan", ""],
  ["plan", "8", "--draw", ""],
  ["plan", "8", "--set", ""],
  ["preprocess", "8", "-c", ""],
  ["train", "8", "", "0"],
  ["train", "8", "3d_fullres", "0", "--plans", ""],
  ["predict", "-i", "", "-o", "x", "-m", "m"],
  ["predict", "-i", "x", "-o", "", "-m", "m"],
  ["predict", "-i", "x", "-o", "x", "-m", ""],
  ["predict", "-i", "x", "-o", "x", "-d", ""],
  ["evaluate", "a", ""],
  ["evaluate", "a", "b", "--output", ""],
  ["export", "8", "3d_fullres", "-f", "0", "-o", ""],
  ["report", ""],
  ["report", "8", "--output", ""],
  ["run", ""],
  ["demo", "--output", ""],
])("an empty text is an error of the command line: %s %s %s %s %s %s", async (...args) => {
  const { code, stderr, stdout } = await nnunet(...args.filter((arg) => arg !== undefined));
  expect(stderr).toMatch(/^error: the (argument '[^']+'|value of option '[^']+') is empty$/m);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});

test.each(["constructor", "__proto__", "toString"])(
  "a configuration called %s is none: 2, and the known ones",
  (name) =>
    withScratch(async (scratch, roots) => {
      await writeMadeDataset(join(scratch, "raw"));
      for (const command of ["fingerprint", "plan"]) expect((await nnunet(command, "8", ...roots)).code).toBe(0);
      for (const args of [
        ["preprocess", "8", "-c", name],
        ["train", "8", name, "0"],
        ["run", "8", "-c", name, "-f", "0"],
      ]) {
        const { code, stderr } = await nnunet(...args, ...roots);
        expect(stderr).toContain(`unknown configuration "${name}"; this plan has: `);
        expect({ args, code }).toEqual({ args, code: 2 });
      }
      for (const args of [
        ["train", "8", "3d_fullres", name],
        ["export", "8", "3d_fullres", "-o", "x.onnx", "-f", name],
        ["plan", "8", "--planner", name],
        ["plan", "8", "--set", `${name}=1`],
      ]) {
        expect({ args, code: (await nnunet(...args, ...roots)).code }).toEqual({ args, code: 2 });
      }
    }),
);
