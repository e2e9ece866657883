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
  const files = readdirSync(folder, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(30);
  for (const file of files) {
    const source = readFileSync(new URL(file, folder), "utf8");
    for (const [, name] of source.matchAll(/from "([^"]+)"/g))
      expect(name).toMatch(/^(@nnunet\/core|\.{1,2}\/[\w/-]+\.ts)$/);
    expect(source).not.toMatch(/\bprocess\.|\bBuffer\b|Math\.random|Date\.now/);
  }
});
