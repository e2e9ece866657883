import { freemem } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { isOutOfMemory, memoryLimit, refuseBeyondMemory } from "@nnunet/core";
import { freeMemory } from "@nnunet/core/node";
import { group, scratch } from "./control-group-files.ts";

test("a control group's memory that is left counts, what only caches files as free, in both versions", async () => {
  const second = await group("v2", {
    "memory.max": "9000000",
    "memory.current": "5000000",
    "memory.stat": "anon 1\ninactive_file 700000\nactive_file 300000",
  });
  const first = await group("v1", {
    "memory.limit_in_bytes": "8000000",
    "memory.usage_in_bytes": "3000000",
    "memory.stat": "inactive_file 5\ntotal_inactive_file 1000000",
  });
  expect([second, first].map((folder) => freeMemory([folder]))).toEqual([5_000_000, 6_000_000]);
});

test("the narrowest of a group and those above it counts; one that is full has nothing left; one without a limit sets none", async () => {
  const outer = await group("outer", { "memory.max": "4000000", "memory.current": "1000000" });
  const inner = await group("outer/inner", { "memory.max": "max", "memory.current": "900000" });
  const full = await group("full", { "memory.max": "1000000", "memory.current": "1200000" });
  expect(freeMemory([inner, outer])).toBe(3_000_000);
  expect(freeMemory([inner, outer, full])).toBe(0);
  const machine = freeMemory([inner, join(scratch, "missing")]);
  expect(machine).toBeGreaterThan(0.5 * freemem());
});

test("work beyond a container's limit is refused by its number, though the machine has more", async () => {
  const container = await group("container", { "memory.max": "2000000", "memory.current": "500000" });
  const limit = memoryLimit(undefined, freeMemory([container]));
  expect(() => refuseBeyondMemory("training 2d", 4e7, limit, "plan smaller")).toThrow(
    "training 2d needs about 0.04 GB of memory, but only 1.5 MB are free; plan smaller, or try all the same",
  );
});

test.each([
  "std::bad_alloc",
  "bad allocation",
  "Failed to allocate memory for requested buffer of size 7",
  "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
  "FATAL ERROR: invalid array length Allocation failed - process out of memory",
  "Fatal process OOM in insufficient memory to create an Isolate",
  "OOM when allocating tensor with shape[2,320,6]",
  "CUDA error: out of memory",
])("a runtime's words for the end of memory are known: %s", (words) => {
  expect(isOutOfMemory(words)).toBe(true);
});

test.each(["Invalid array length", "bloom filter is full", "Non-zero status code returned while running Conv node"])(
  "other words are not taken for it: %s",
  (words) => {
    expect(isOutOfMemory(words)).toBe(false);
  },
);
