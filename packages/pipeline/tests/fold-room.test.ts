import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { makeRoom } from "../src/training/fold-room.ts";
import { withScratch } from "./tiny-dataset.ts";

test("a training that begins removes what a killed one left aside with a record alone, and never one with work in it", () =>
  withScratch(async (scratch) => {
    const aside = (n: number) => join(scratch, `previous_fold_0_${n}`);
    for (const n of [1, 2]) {
      await mkdir(aside(n));
      await writeFile(join(aside(n), "made_from.json"), "{}");
    }
    await writeFile(join(aside(2), "checkpoint_latest.safetensors"), "hours");
    const room = await makeRoom(join(scratch, "fold_0"), "stay", []);
    expect([existsSync(aside(1)), existsSync(aside(2))]).toEqual([true, true]);
    expect(await room.commit()).toEqual([]);
    expect([existsSync(aside(1)), existsSync(aside(2))]).toEqual([false, true]);
  }));
