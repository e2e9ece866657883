import { expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const method = `# The method

## 0 Details

1. One.
2. Two.

## 3 Preprocessing

#### Class locations

## 4 Augmentation

### 4.3 Steps

| step | what |
|---|---|
| 9 | mask |

### 4.4 Rules

#### (a) The paper's
`;

/**
 * What the check says of a checkout with that method and one source file, and whether it ended with 0. METHOD in the
 * source stands for docs/method.md, because the check reads this file, too.
 */
function check(source: string, readme = "[the method](docs/method.md)"): { ok: boolean; said: string } {
  const root = mkdtempSync(join(tmpdir(), "nnunet-citations-"));
  try {
    mkdirSync(join(root, "docs"));
    mkdirSync(join(root, "packages"));
    writeFileSync(join(root, "README.md"), readme);
    writeFileSync(join(root, "docs/method.md"), method);
    writeFileSync(join(root, "packages/a.ts"), source.replaceAll("METHOD", "docs/method.md"));
    const tool = join(import.meta.dirname, "../check-citations.mjs");
    const { status, stdout, stderr } = spawnSync(process.execPath, [tool, root], { encoding: "utf8" });
    return { ok: status === 0, said: `${stdout}${stderr}` };
  } finally {
    rmSync(root, { recursive: true });
  }
}

test.each([
  ["a section", "// METHOD §3"],
  ["an item of §0 beside another section", "// METHOD §4.3, §0 items 1 and 2 and §3."],
  ["a heading within a section", '/** @see METHOD §3, "Class locations" */'],
  ["a row of a table", "// (METHOD §4.3, step 9)"],
  ["one of several rules", "// METHOD §4.4 (a)"],
  ["a section behind a line break", "/** METHOD\n * §4.3 */"],
  ["a section at the end of a string", '{ source: "METHOD §3", inputs: {} }'],
])("a citation passes that names %s", (_, source) => {
  expect(check(source)).toEqual({ ok: true, said: expect.stringMatching(/^[1-9]\d* citations/) });
});

test.each([
  ["section", "// METHOD §5", "packages/a.ts:1: docs/method.md has no section 5"],
  ["section among several", "\n// METHOD §3, §4.5", "packages/a.ts:2: docs/method.md has no section 4.5"],
  ["item", "// METHOD §0 items 2 and 3", "packages/a.ts:1: docs/method.md has no items 2 and 3 in the section"],
  ["heading", '// METHOD §3, "Export"', 'packages/a.ts:1: docs/method.md has no "Export" in the section'],
  ["row", "// METHOD §4.3, step 10", "packages/a.ts:1: docs/method.md has no step 10 in the section"],
  ["rule", "// METHOD §4.4 (b)", "packages/a.ts:1: docs/method.md has no (b) in the section"],
])("a citation fails, and says where, that names no such thing: %s", (_, source, sentence) => {
  const { ok, said } = check(source);
  expect(ok).toBe(false);
  expect(said).toContain(sentence);
});

test("a relative link to a file that is not there fails", () => {
  const { ok, said } = check("", "[lost](docs/lost.md) but not [this](https://example.org/lost.md) or [that](#lost)");
  expect(ok).toBe(false);
  expect(said.match(/leads nowhere/g)).toHaveLength(1);
  expect(said).toContain("README.md: the link to docs/lost.md leads nowhere");
});
