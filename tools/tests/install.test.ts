import { expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const read = (name: string) => readFileSync(join(root, name), "utf8");

test("the lock file holds the checksum of every package that is downloaded", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, { link?: boolean; integrity?: string }>;
  };
  const downloaded = Object.entries(packages).filter(([key, { link }]) => /(^|\/)node_modules\//.test(key) && !link);
  expect(downloaded.length).toBeGreaterThan(300);
  const without = downloaded.filter(([, { integrity = "" }]) => !/^sha512-[\w+/]{86}==$/.test(integrity));
  // Mend it with: node tools/complete-lock.mjs
  expect(without.map(([key]) => key)).toEqual([]);
});

test("no install script of a dependency runs, so that no other host than the registry is needed", () => {
  expect(read(".npmrc")).toMatch(/^ignore-scripts=true$/m);
});

test(".npmrc has only keys that npm 10 and 11 know: any other prints a warning at every npx", () => {
  const keys = read(".npmrc")
    .split("\n")
    .filter((line) => line && !line.startsWith("#"))
    .map((line) => line.split("=")[0]);
  expect(keys).toEqual(["ignore-scripts", "omit-lockfile-registry-resolved", "fund", "audit"]);
});

test("nothing depends on npm's pre and post scripts, which do not run then", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const name of Object.keys(scripts)) expect(name).not.toMatch(/^(pre|post)/);
});
