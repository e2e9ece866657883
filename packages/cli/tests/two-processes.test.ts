import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, jest, test } from "@jest/globals";
import { readImage } from "@nnunet/io";
import { contents } from "./folder-contents.ts";
import { tinyTraining, writeMadeDataset } from "./made-dataset.ts";
import { nnunet, type Ran, withScratch } from "./run-nnunet.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(480_000);

const bin = fileURLToPath(new URL("../bin/nnunet.mjs", import.meta.url));
const built = existsSync(new URL("../dist/index.js", import.meta.url));
if (!built) console.warn("skipped: two processes are not tried: packages/cli is not built (npm run build)");
const testWhereBuilt = built ? test : test.skip;

const start = (...args: readonly string[]) =>
  new Promise<Ran>((resolve) => {
    const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    child.on("close", (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });

/** What neither a lock nor a temporary file is left of. */
async function expectNothingLeft(folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true });
  expect(names.filter((name) => /\.(lock|tmp|turn)$/.test(name))).toEqual([]);
}

describe("two processes at the same time", () => {
  testWhereBuilt("preprocess one folder together: every case is made once, none twice", () =>
    withScratch(async (scratch, roots) => {
      await writeMadeDataset(join(scratch, "raw"));
      for (const command of ["fingerprint", "plan"]) {
        for (const { code, stderr } of await Promise.all([
          start(command, "8", ...roots),
          start(command, "8", ...roots),
        ])) {
          expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
        }
      }
      const both = await Promise.all([1, 2].map(() => start("preprocess", "8", "--json", "--workers", "1", ...roots)));
      const made = both.map(
        ({ stdout }) => JSON.parse(stdout) as { configuration: string; made: number; skipped: number }[],
      );
      for (const [index, { configuration }] of made[0]!.entries()) {
        const [a, b] = made.map((results) => results[index]!);
        expect([configuration, a!.made + b!.made]).toEqual([configuration, 5]);
        expect([a!.made + a!.skipped, b!.made + b!.skipped]).toEqual([5, 5]);
      }
      await expectNothingLeft(scratch);
    }),
  );

  testWhereBuilt("train one fold: one does, the other is told who does; predict into one folder likewise", () =>
    withScratch(async (scratch, roots) => {
      const dataset = await writeMadeDataset(join(scratch, "raw"));
      for (const command of ["fingerprint", "plan", "preprocess"]) {
        expect((await nnunet(command, "8", ...roots)).code).toBe(0);
      }
      const size = [...tinyTraining.slice(0, 4), "--epochs", "2", "--iterations-per-epoch", "20", "--workers", "1"];
      const train = () => start("train", "8", "3d_fullres", "0", ...size, "--overwrite", ...roots);
      for (let attempt = 0; attempt < 3; attempt++) {
        const both = await Promise.all([train(), train()]);
        const refused = both.find(({ code }) => code !== 0);
        expect(both.map(({ code }) => code).sort()).toEqual([0, 3]);
        expect(refused!.stderr).toMatch(
          /fold_0: is being written by process \d+ on this machine \(training fold 0 of 3d_fullres; nnunet train 8 .*\) since \d{4}-.*; wait until it ends, or stop it/,
        );
        const [results] = await readdir(join(scratch, "results", "Dataset008_Made"));
        const fold = join(scratch, "results", "Dataset008_Made", results!, "fold_0");
        const log = (await readFile(join(fold, "training_log.ndjson"), "utf8")).trim().split("\n");
        expect(log.map((line) => (JSON.parse(line) as { epoch: number }).epoch)).toEqual([0, 1]);
        await expectNothingLeft(scratch);
      }

      const [results] = await readdir(join(scratch, "results", "Dataset008_Made"));
      const model = join(scratch, "results", "Dataset008_Made", results!);
      const images = join(dataset, "imagesTr");
      const output = join(scratch, "shared");
      const shared = await Promise.all(
        [1, 2].map(() => start("predict", "-i", images, "-o", output, "-m", model, "--continue", "--json")),
      );
      expect(shared.map(({ code }) => code)).toEqual([0, 0]);
      const written = shared.flatMap(({ stdout }) => (JSON.parse(stdout) as { written: string[] }).written);
      expect(written.sort()).toEqual([0, 1, 2, 3, 4].map((index) => join(output, `made_${index}.nii.gz`)));
      for (const path of written) expect((await readImage(path)).shape).toEqual([1, 8, 12, 12]);
      expect((await start("predict", "-i", images, "-o", output, "-m", model, "--continue")).stdout).toContain(
        "nothing left to predict",
      );

      // without it nothing that the other has made is kept, so one of the two is refused
      const alone = await Promise.all(
        [1, 2].map(() => start("predict", "-i", images, "-o", join(scratch, "alone"), "-m", model)),
      );
      expect(alone.map(({ code }) => code).sort()).toEqual([0, 3]);
      const problem = alone.find(({ code }) => code === 3)!.stderr;
      expect(problem).toMatch(/is being written by process \d+ on this machine \(prediction; .*\)|exists already/);
      await expectNothingLeft(scratch);
    }),
  );

  testWhereBuilt(
    "run one dataset together: each training is done once, by one of them, and all comes out as by one alone",
    () =>
      withScratch(async (scratch, roots) => {
        await writeMadeDataset(join(scratch, "raw"));
        const run = () => {
          const options = [
            ...tinyTraining.slice(0, 4),
            "--epochs",
            "2",
            "--iterations-per-epoch",
            "10",
            "--workers",
            "1",
          ];
          return start("run", "8", "-c", "3d_fullres", "-f", "0", "1", "2", ...options, ...roots);
        };
        const folders = ["preprocessed", "results"].map((name) => join(scratch, name));
        const alone = await run();
        expect([alone.code, alone.code === 0 ? "" : alone.stderr]).toEqual([0, ""]);
        const wanted = await Promise.all(folders.map(contents));
        for (const folder of folders) await rename(folder, `${folder}_alone`);

        const both = await Promise.all([run(), run()]);
        for (const { code, stderr } of both) expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
        expect(await Promise.all(folders.map(contents))).toEqual(wanted);
        const trained = both.map(({ stderr }) =>
          [...stderr.matchAll(/^train: fold (\d) of .* steps?, batch/gm)].map(([, fold]) => fold),
        );
        expect(trained.flat().sort()).toEqual(["0", "1", "2"]);
        const told = both.map(({ stderr }) => stderr).join("\n");
        expect(told).toMatch(
          /train 3d_fullres \d is left to another process for now: .*fold_\d is being written by process \d+/,
        );
        await expectNothingLeft(scratch);
      }),
  );
});
