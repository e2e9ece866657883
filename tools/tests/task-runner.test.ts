import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";

const root = join(import.meta.dirname, "../..");
const packages = readdirSync(join(root, "packages"));
const json = (path: string) => JSON.parse(readFileSync(join(root, path), "utf8"));

/** tools/test.mjs as nx or npm would call it, in a folder. */
function runTests(folder: string, path: string, env: Record<string, string> = {}) {
  const { NX_TASK_TARGET_PROJECT: _, INIT_CWD: __, NODE_OPTIONS: ___, ...plain } = process.env;
  return spawnSync(process.execPath, [join(root, "tools/test.mjs"), path], {
    cwd: join(root, folder),
    encoding: "utf8",
    env: { ...plain, ...env },
  });
}

test("every package has the targets build, test and lint, and tests for the target to run", () => {
  for (const name of packages) {
    const { scripts } = json(`packages/${name}/package.json`);
    expect({ name, scripts }).toEqual({
      name,
      scripts: { build: "tsc -b", test: `node ../../tools/test.mjs packages/${name}`, lint: "biome check ." },
    });
    const tests = readdirSync(join(root, "packages", name, "tests")).filter((file) => file.endsWith(".test.ts"));
    expect({ name, tests: tests.length > 0 }).toEqual({ name, tests: true });
  }
});

test("a package's test target runs its tests from the package's folder", () => {
  const path = "packages/planner/tests/public-api.test.ts";
  const { status, stdout } = runTests("packages/planner", path, { INIT_CWD: join(root, "packages/planner") });
  expect(stdout.trim().split("\n").at(-1)).toMatch(/^[1-9]\d* passed, 0 failed, 0 skipped$/);
  expect(status).toBe(0);
});

test("a target that runs no test fails", () => {
  const { status, stdout, stderr } = runTests("packages/planner", "packages/nowhere");
  expect(stdout.trim().split("\n").at(-1)).toBe("0 passed, 1 failed, 0 skipped");
  expect(stderr).toContain("no test ran for packages/nowhere");
  expect(status).toBe(1);
});

test("nx keeps to itself: no daemon, no cloud, no statistics, no terminal interface", () => {
  expect(json("nx.json")).toMatchObject({
    analytics: false,
    neverConnectToCloud: true,
    useDaemonProcess: false,
    tui: { enabled: false },
  });
});

test("what a test reads decides whether nx runs it again", () => {
  const { namedInputs, targetDefaults } = json("nx.json");
  expect(targetDefaults.test.inputs).toEqual(["testing", "^default"]);
  for (const input of namedInputs.testing) {
    if (typeof input !== "string" || !input.startsWith("{workspaceRoot}/")) continue;
    const path = input.replace("{workspaceRoot}/", "").replace(/\/\*\*.*$/, "");
    expect({ path, exists: existsSync(join(root, path)) }).toEqual({ path, exists: true });
  }
  expect(namedInputs.testing).toContain("{workspaceRoot}/test-data/**/*");
});
