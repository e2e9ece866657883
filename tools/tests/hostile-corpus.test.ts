import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { nnunet } from "../../packages/cli/tests/run-nnunet.ts";
import { writeTinyDataset } from "../../packages/pipeline/tests/tiny-dataset.ts";
import { hostileDatasets, hostileFiles, hostilePlans } from "../testing/hostile-corpus.ts";

/*
 * Every hostile input through the command line: one sentence, the documented code, and the tree around is as it was.
 */

const scratch = mkdtempSync(join(tmpdir(), "nnunet-hostile-"));
const inside = join(scratch, "a/b/inside");
const roots = { raw: join(inside, "raw"), preprocessed: join(inside, "pre"), results: join(inside, "res") };
const flags = Object.entries(roots).flatMap(([name, path]) => [`--${name}`, path]);
const raw = join(roots.raw, "Dataset900_Evil");
const prepared = join(roots.preprocessed, "Dataset900_Evil");
let goodPlans = "";
let goodDataset = "";

/** Every file below a folder with the hash of its bytes, and every folder. */
function tree(folder: string, but: readonly string[] = []): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (but.includes(path)) continue;
    if (statSync(path).isDirectory()) Object.assign(found, { [path]: "folder" }, tree(path, but));
    else found[path] = createHash("sha256").update(readFileSync(path)).digest("hex");
  }
  return found;
}

beforeAll(async () => {
  await writeTinyDataset(roots.raw, {
    name: "Dataset900_Evil",
    prefix: "evil",
    trainingCases: 5,
    testCases: 0,
    shape: [8, 12, 12],
  });
  for (const place of ["victim", "a/victim", "a/b/victim"]) {
    mkdirSync(join(scratch, place), { recursive: true });
    writeFileSync(join(scratch, place, "label.nii.gz"), "precious");
  }
  goodDataset = readFileSync(join(raw, "dataset.json"), "utf8");
  for (const stage of ["fingerprint", "plan"]) expect((await nnunet(stage, "900", ...flags)).code).toBe(0);
  goodPlans = readFileSync(join(prepared, "nnUNetPaperPlans.json"), "utf8");
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a command; what it may write into is left out of the comparison. */
async function expectRefusal(
  args: readonly string[],
  code: number,
  says: string,
  may: readonly string[],
): Promise<void> {
  const before = tree(scratch, may);
  const ran = await nnunet(...args);
  const sentences = ran.stderr.split("\n").filter((line) => line.startsWith("nnunet: "));
  expect({ code: ran.code, sentences: sentences.length }).toEqual({ code, sentences: 1 });
  expect(sentences[0]).toContain(says);
  expect(sentences[0]!.length).toBeLessThan(1500);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
  expect(ran.stderr + ran.stdout).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  expect(tree(scratch, may)).toEqual(before);
}

test.each(hostileDatasets.map((input) => [input.name, input] as const))(
  "%s",
  async (_, { content, command, code, says }) => {
    const path = join(raw, "dataset.json");
    try {
      writeFileSync(path, content());
      // A record of what was begun is the pipeline's own; nothing of the dataset is written.
      await expectRefusal([...command, ...flags], code, says, [roots.preprocessed]);
      const verified = await nnunet("verify", "900", ...flags);
      expect([1, 3]).toContain(verified.code);
    } finally {
      writeFileSync(path, goodDataset);
    }
  },
);

test.each(hostilePlans)("plans.json: %s", async (_, spoil, says) => {
  const path = join(prepared, "nnUNetPaperPlans.json");
  const plans = JSON.parse(goodPlans);
  spoil(plans);
  try {
    writeFileSync(path, JSON.stringify(plans));
    await expectRefusal(["info", path], 3, says, []);
    await expectRefusal(["preprocess", "900", "-c", "2d", ...flags], 3, says, []);
    await expectRefusal(["train", "900", "2d", "0", ...flags], 3, says, []);
  } finally {
    writeFileSync(path, goodPlans);
  }
});

test.each(hostileFiles.map((input) => [input.name, input] as const))(
  "%s",
  async (_, { file, content, command, code, says }) => {
    const path = join(scratch, file);
    try {
      writeFileSync(path, content());
      await expectRefusal([...command, path], code, says, []);
    } finally {
      rmSync(path);
    }
  },
);

test.each(["constructor", "__proto__", "toString", "../x", ""])(
  "a configuration %j is an error of the command line or of the plan",
  async (name) => {
    const before = tree(scratch);
    for (const args of [
      ["preprocess", "900", "-c", name],
      ["train", "900", name, "0"],
    ]) {
      const { code, stderr } = await nnunet(...args, ...flags);
      expect([2, 3]).toContain(code);
      expect(stderr).toMatch(/^(nnunet|error): /);
    }
    expect(tree(scratch)).toEqual(before);
  },
);

test.each(["../victim", "x/y", "..", "__proto__"])("a plan called %j is not looked for elsewhere", async (name) => {
  const before = tree(scratch);
  const { code, stderr } = await nnunet("preprocess", "900", "-c", "2d", "--plans", name, ...flags);
  expect({ code: [2, 3].includes(code), stderr: stderr.includes("nnunet: ") }).toEqual({ code: true, stderr: true });
  expect(tree(scratch)).toEqual(before);
});

(process.platform === "win32" ? test.skip : test)("a pipe in the place of a JSON file is not waited for", async () => {
  const path = join(raw, "dataset.json");
  try {
    rmSync(path);
    execFileSync("mkfifo", [path]);
    const { code, stderr } = await nnunet("fingerprint", "900", ...flags);
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringContaining("could not be read: it is a pipe, not an ordinary file"),
    });
  } finally {
    rmSync(path);
    writeFileSync(path, goodDataset);
  }
});

(process.platform === "win32" ? test.skip : test)(
  "a pipe in the place of a model or a checkpoint is not waited for",
  async () => {
    for (const name of ["model.onnx", "checkpoint.safetensors", "case.json"]) {
      const path = join(scratch, name);
      execFileSync("mkfifo", [path]);
      const { code, stderr } = await nnunet("info", path);
      rmSync(path);
      expect({ code, stderr }).toEqual({
        code: 3,
        stderr: expect.stringContaining("it is a pipe, not an ordinary file"),
      });
    }
  },
);

const shared = join(import.meta.dirname, "../../../shared/cases/hostile/01-case-id/raw");
(existsSync(shared) ? test : test.skip)(
  "the received dataset that overwrote a file outside of every folder (needs ../shared)",
  async () => {
    const place = join(scratch, "received");
    cpSync(shared, join(place, "raw"), { recursive: true });
    const args = ["--raw", join(place, "raw"), "--preprocessed", join(place, "pre"), "--results", join(place, "res")];
    for (const command of [
      ["verify", "900"],
      ["run", "900", "--epochs", "1"],
    ]) {
      const { code } = await nnunet(...command, ...args);
      expect([1, 3]).toContain(code);
    }
    expect(readdirSync(place).filter((name) => name !== "raw" && name !== "pre")).toEqual([]);
  },
);
