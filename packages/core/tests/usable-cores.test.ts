import { availableParallelism } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { coresOfGroups, usableCores } from "@nnunet/core/node";
import { group, scratch } from "./control-group-files.ts";

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
