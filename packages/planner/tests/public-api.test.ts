import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import * as api from "@nnunet/planner";

test("exports", () => {
  expect(Object.keys(api).sort()).toEqual([
    "comparePlans",
    "defaultPlanner",
    "drawNetwork",
    "explainPlans",
    "featureMapEstimate",
    "overridableParameters",
    "paperEstimate",
    "paperTopology",
    "planWarnings",
    "plannerConformance",
    "plansTable",
    "poolLateTopology",
    "ruleSets",
    "v1Topology",
    "v2Topology",
  ]);
});

test("runs in a browser: imports core and its own files, nothing else", () => {
  const folder = new URL("../src/", import.meta.url);
  for (const file of readdirSync(folder)) {
    const source = readFileSync(new URL(file, folder), "utf8");
    for (const [, name] of source.matchAll(/from "([^"]+)"/g)) expect(name).toMatch(/^(@nnunet\/core|\.\/[\w-]+\.ts)$/);
    expect(source).not.toMatch(/\bprocess\.|\bBuffer\b|Math\.random|Date\.now/);
  }
});
