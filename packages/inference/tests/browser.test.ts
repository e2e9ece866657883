import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { staticImports } from "../../core/tests/static-imports.ts";

const source = new URL("../src/", import.meta.url);

test("nothing of Node is imported before it is needed", () => {
  const names = staticImports(new URL("index.ts", source));
  expect(names).toEqual(["@nnunet/core", "@nnunet/kernels", "@nnunet/preprocess"]);
});

test("bundles for a browser leave out every package that is loaded when needed", () => {
  const { browser } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const loaded = files.flatMap((name) => {
    const text = readFileSync(new URL(name, source), "utf8");
    return [...text.matchAll(/await import\("([^."][^"]*)"\)/g)].map(([, target]) => target!);
  });
  expect(loaded.length).toBeGreaterThan(0);
  for (const target of loaded) expect(browser[target]).toBe(false);
});
