import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "@jest/globals";
import { coresOfGroups, usableCores } from "@nnunet/core/node";

const scratch = await mkdtemp(join(tmpdir(), "nnunet-core-"));
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function group(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), `${text}\n`);
  return folder;
}

test("a control group's time is worth so many cores, a part of one counted as one, in both versions", async () => {
  const [two, part, half] = [
    await group("two", { "cpu.max": "200000 100000" }),
    await group("part", { "cpu.max": "150000 100000" }),
    await group("half", { "cpu.cfs_quota_us": "25000", "cpu.cfs_period_us": "50000" }),
  ];
  expect([two, part, half].map((folder) => coresOfGroups([folder]))).toEqual([2, 2, 1]);
});

test("the narrowest of a group and those above it counts; groups without a limit set none", async () => {
  const [outer, inner, free] = [
    await group("outer", { "cpu.max": "300000 100000" }),
    await group("outer/inner", { "cpu.max": "max 100000" }),
    await group("free", { "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000" }),
  ];
  expect(coresOfGroups([inner, outer])).toBe(3);
  expect(coresOfGroups([inner, free, join(scratch, "missing")])).toBeUndefined();
});

test("there is at least one core, and never more than the process may run on", () => {
  expect(usableCores()).toBeGreaterThanOrEqual(1);
  expect(usableCores()).toBeLessThanOrEqual(availableParallelism());
});
