import { execFileSync } from "node:child_process";
import { mkdtempSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { isNnunetError, parseJson } from "@nnunet/core";
import { readJson } from "@nnunet/core/node";
import { jsonFault } from "../src/json/json-fault.ts";

const message = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (isNnunetError(error, "INVALID_ARTIFACT")) return error.message;
    throw error;
  }
  return "";
};

test.each<[string, string, string]>([
  [
    "a comma too many",
    '{\n "a": 1,\n}',
    'line 3, column 1: expected a key in quotation marks, got "}"; remove the comma before it',
  ],
  [
    "a comma too many in a list",
    "[1,\n 2, ]",
    'line 2, column 5: expected a value, got "]"; remove the comma before it',
  ],
  ["a comma missing", '{ "a": 1\n  "b": 2 }', 'line 2, column 3: expected a comma or }, got "\\""'],
  ["a colon missing", '{ "a" 1 }', 'line 1, column 7: expected a colon after the key, got "1"'],
  ["single quotation marks", "[ 'a' ]", 'line 1, column 3: expected a value, got "\'a\'"; texts stand between two "'],
  ["a comment", "{ // here\n}", 'line 1, column 3: expected a key in quotation marks, got "//"'],
  ["an unquoted key", "{ a: 1 }", 'line 1, column 3: expected a key in quotation marks, got "a"'],
  ["Python's words", "[True]", 'line 1, column 2: expected a value, got "True"'],
  ["a number that is none", "[01]", 'line 1, column 2: expected a value, got "01"'],
  ["a text not closed", '["a]', 'line 1, column 5: a text is not closed by "'],
  [
    "a line end in a text",
    '["a\nb"]',
    'line 1, column 4: a text is not closed by " on its line, or holds a control character',
  ],
  ["a wrong escape", '["a\\x"]', "line 1, column 4: after \\ only one of"],
  ["nothing", "", "line 1, column 1: expected a value, the file ends"],
  ["half a file", '{ "a": [1, 2', "line 1, column 13: expected a comma or ], the file ends"],
  ["two values", "{} {}", 'line 1, column 4: expected the end of the file, got "{"'],
  ["Windows line ends", "{\r\n\r\n x}", 'line 3, column 2: expected a key in quotation marks, got "x"'],
])("JSON with %s: line, column and what to do", (_, text, fault) => {
  expect(message(() => parseJson(text, "a.json"))).toContain(`a.json: not valid JSON (${fault}`);
});

test("finds a fault exactly where JSON.parse does", () => {
  const piece = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    '"a"',
    "\\",
    "1",
    "-",
    ".",
    "e5",
    "0",
    "true",
    "nul",
    " ",
    "\n",
    "\\u00",
    "é",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = pieces.join("");
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      expect(jsonFault(text) === undefined).toBe(valid);
    }),
    { seed: 8, numRuns: 3000 },
  );
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(jsonFault(JSON.stringify(value, null, 2))).toBeUndefined();
      expect(parseJson(JSON.stringify(value), "x")).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { seed: 8 },
  );
});

test.each<[string, () => string, string]>([
  ["a hundred thousand levels", () => "[".repeat(1e5) + "]".repeat(1e5), "it nests deeper than 100 levels"],
  ["ten million values", () => `[${"[],".repeat(1e7)}1]`, "it has more than 4,000,000 values"],
  [
    "a million keys",
    () => `{${Array.from({ length: 1e6 }, (_, i) => `"${i}":1`).join(",")}}`,
    "it has a table of more than 100,000 keys",
  ],
  [
    "the key __proto__",
    () => '{ "a": { "__proto__": 1 } }',
    'it has a key "__proto__", which is reserved by JavaScript',
  ],
  ["the same, written otherwise", () => '{ "\\u005f_proto__": 1 }', 'it has a key "__proto__"'],
  ["a byte-order mark", () => "\ufeff{}", "it begins with a byte-order mark, which cannot be seen"],
])("JSON with %s is refused", (_, text, problem) => {
  expect(message(() => parseJson(text(), "a.json"))).toContain(problem);
});

test("brackets and commas inside texts cost nothing", () => {
  const text = JSON.stringify({ a: "[{".repeat(1000), b: ",".repeat(5_000_000), c: '\\"[' });
  expect(parseJson(text, "a.json")).toEqual(JSON.parse(text));
});

test("Python's bare NaN, Infinity and -Infinity become null; the same words in a text stay", () => {
  const text = '{ "Dice": NaN, "a": [Infinity, -Infinity, -1], "NaN": "a \\" NaN, -Infinity" }';
  expect(parseJson(text, "a.json")).toEqual({ Dice: null, a: [null, null, -1], NaN: 'a " NaN, -Infinity' });
  expect(message(() => parseJson("[NaN, -Infinity, x]", "a.json"))).toContain(
    'line 1, column 18: expected a value, got "x"',
  );
});

test.each(["NaNa", "{NaN: 1}", '{"a": "NaN', "-NaN-", "-NaN", "nan", "xNaN", "Infinit"])(
  "%s is neither JSON nor Python's",
  (text) => {
    expect(message(() => parseJson(text, "a.json"))).toContain("not valid JSON (line 1, column ");
  },
);

const folder = mkdtempSync(join(tmpdir(), "json-"));

test.each<[string, Uint8Array, string]>([
  ["a byte-order mark", Buffer.from("\ufeff{}"), "begins with a byte-order mark"],
  ["UTF-16", Buffer.from("\ufeff{}", "utf16le"), "it is UTF-16 text"],
  ["Latin-1", Buffer.from('{ "a": "é" }', "latin1"), "it is not UTF-8 text"],
])("a JSON file with %s is refused by name", async (_, bytes, problem) => {
  const path = join(folder, "text.json");
  writeFileSync(path, bytes);
  await expect(readJson(path)).rejects.toThrow(problem);
});

test("a JSON file of a gigabyte is refused before it is read", async () => {
  const path = join(folder, "large.json");
  writeFileSync(path, "{}");
  truncateSync(path, 2 ** 30);
  await expect(readJson(path)).rejects.toThrow(
    `${path}: it has 1,024 MiB, and a JSON file of ours has at most 64; is this the right file?`,
  );
});

(process.platform === "win32" ? test.skip : test)("a pipe or a device is not opened as JSON", async () => {
  const pipe = join(folder, "pipe.json");
  execFileSync("mkfifo", [pipe]);
  await expect(readJson(pipe)).rejects.toThrow(`${pipe}: could not be read: it is a pipe, not an ordinary file`);
  await expect(readJson("/dev/zero")).rejects.toThrow("/dev/zero: could not be read: it is a device");
});
