import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import ts from "typescript";

/*
 * A regular expression that needs quadratic time on some text is a way to hold the process: 400,000 blanks in a name took
 * minutes. Every one of the sources is tried on long texts that such expressions trip over.
 */

const root = join(import.meta.dirname, "../../packages");

interface Found {
  readonly source: string;
  readonly flags: string;
  readonly where: string;
}

/** Every regular expression written in a source file. */
function regularExpressions(): Found[] {
  const found = new Map<string, Found>();
  for (const name of readdirSync(root)) {
    for (const entry of readdirSync(join(root, name, "src"), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const path = join(entry.parentPath, entry.name);
      const file = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
      const visit = (node: ts.Node): void => {
        if (ts.isRegularExpressionLiteral(node)) {
          const slash = node.text.lastIndexOf("/");
          const line = file.getLineAndCharacterOfPosition(node.getStart()).line + 1;
          const where = `${path.slice(root.length + 1)}:${line}`;
          found.set(node.text, { source: node.text.slice(1, slash), flags: node.text.slice(slash + 1), where });
        }
        ts.forEachChild(node, visit);
      };
      visit(file);
    }
  }
  return [...found.values()];
}

/** The last line of the trial, in a process of its own: "done", or the expression that held it. */
function tryAll(found: readonly Found[]) {
  const { stdout } = spawnSync(process.execPath, [join(root, "../tools/testing/try-regular-expressions.mjs")], {
    input: JSON.stringify(found),
    encoding: "utf8",
    timeout: 280_000,
    killSignal: "SIGKILL",
  });
  return stdout.trim().split("\n").at(-1);
}

test("no regular expression of the sources needs quadratic time on a long text", () => {
  const found = regularExpressions();
  expect(found.length).toBeGreaterThan(50);
  expect(tryAll(found)).toBe("done");
}, 300_000);

test.each(["\\s*\\n\\s*", "\\0+$", "^(\\w+)\\s*=\\s*(.*)$"])("the trial finds /%s/, which does", (source) => {
  expect(tryAll([{ source, flags: "", where: "here" }])).toBe(`here /${source}/`);
});
