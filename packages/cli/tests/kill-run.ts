import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "@jest/globals";
import { createRandom } from "@nnunet/core";
import { writeTinyDataset } from "../../pipeline/tests/tiny-dataset.ts";
import { contents } from "./folder-contents.ts";
import { withScratch } from "./run-nnunet.ts";

const bin = fileURLToPath(new URL("../bin/nnunet.mjs", import.meta.url));
export const isBuilt = existsSync(new URL("../dist/index.js", import.meta.url));

/**
 * Ends with the exit code, or "killed" after so many milliseconds.
 *
 * @param since - waited for before the milliseconds count
 */
export function run(
  args: readonly string[],
  killAfter?: number,
  since: () => Promise<void> = async () => {},
): Promise<{ readonly code: number | "killed"; stderr: string }> {
  return new Promise((resolve) => {
    // A group of its own, so that the process that works is killed with the one that watches.
    const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "ignore", "pipe"], detached: true });
    let stderr = "";
    child.stderr.on("data", (text) => (stderr += text));
    const kill = () => process.kill(-child.pid!, "SIGKILL");
    let [timer, isOver]: [NodeJS.Timeout | undefined, boolean] = [undefined, false];
    if (killAfter !== undefined) void since().then(() => isOver || (timer = setTimeout(kill, killAfter)));
    child.on("close", (code) => {
      isOver = true;
      clearTimeout(timer);
      resolve({ code: code ?? "killed", stderr });
    });
  });
}

/**
 * A seeded run is killed again and again at random moments and started anew, and ends in the bytes of one that was left
 * alone; nothing half-written stays.
 */
export async function expectSameBytesAfterKills(kills: number): Promise<void> {
  await withScratch(async (scratch, roots) => {
    const dataset = {
      name: "Dataset008_Made",
      prefix: "made",
      trainingCases: 5,
      testCases: 1,
      shape: [8, 12, 12],
    } as const;
    await writeTinyDataset(join(scratch, "raw"), dataset);
    const size = ["--base-features", "2", "--batch-size", "2", "--epochs", "3", "--iterations-per-epoch", "2"];
    const args = ["run", "8", "-f", "0", "1", ...size, "--seed", "3", "--engine", "ort", "--workers", "1", ...roots];
    const folders = ["preprocessed", "results"].map((name) => join(scratch, name));
    const began = performance.now();
    const alone = await run(args);
    expect([alone.code, alone.code === 0 ? "" : alone.stderr]).toEqual([0, ""]);
    const duration = performance.now() - began;
    const wanted = await Promise.all(folders.map(contents));
    for (const folder of folders) await rename(folder, `${folder}_alone`);

    const random = createRandom(11, "kill", kills);
    let killed = 0;
    for (let attempt = 0; killed < kills && attempt < 4 * kills; attempt++) {
      // Each start gets as far as an uninterrupted one would in this time, so that the moments fall on every job.
      const { code, stderr } = await run(args, random.integer(200, Math.round((duration * 1.2) / Math.sqrt(kills))));
      if (code === "killed") killed++;
      else expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
    }
    const last = await run(args);
    expect([last.code, last.code === 0 ? "" : last.stderr]).toEqual([0, ""]);
    expect(killed).toBeGreaterThan(0);
    expect(await Promise.all(folders.map(contents))).toEqual(wanted);
    const names = (await Promise.all(folders.map((folder) => readdir(folder, { recursive: true })))).flat();
    expect(names.filter((name) => /\.(lock|turn)$/.test(name))).toEqual([]);
  });
}
