import { describe, expect, test } from "@jest/globals";
import {
  counted,
  displayWidth,
  listed,
  padded,
  printable,
  printableJson,
  printableName,
  printableXml,
  show,
} from "@nnunet/core";

/** Every character that acts on a terminal or hides. */
const hostile = [
  ...Array.from({ length: 32 }, (_, i) => String.fromCodePoint(i)),
  ...Array.from({ length: 33 }, (_, i) => String.fromCodePoint(0x7f + i)),
  ..."\u00ad\u061c\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u3164",
  "\u{e0041}",
  "\ud800",
];

describe("printable", () => {
  test.each(hostile.map((c) => [c.codePointAt(0)!.toString(16), c]))("writes out U+%s", (_, character) => {
    expect(printable(`a${character}b`)).toMatch(/^a\\(x[0-9a-f]{2}|u\{[0-9a-f]+\}|n|r|t)b$/);
    expect(show(`a${character}b`)).toMatch(/^"a\\[\w{}\\]+b"$/);
    const json = printableJson({ name: `a${character}b` });
    expect(json).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(json)).toEqual({ name: `a${character}b` });
  });

  test("leaves what people write alone", () => {
    for (const text of ["Größe 3 × 4 µm", "肝臓", "כבד", "a\\b", "é"]) expect(printable(text)).toBe(text);
  });

  test("a long name keeps its beginning and its end", () => {
    const shown = printableName(`${"a".repeat(5000)}_end`);
    expect(shown.length).toBeLessThanOrEqual(120);
    expect(shown).toMatch(/^a+….*_end$/);
  });

  test("in XML neither markup nor control characters are left", () => {
    expect(printableXml(`<b>"&\u0007`)).toBe("&#60;b&#62;&#34;&#38;\\x07");
  });

  test("indented JSON keeps its lines", () => {
    expect(printableJson({ a: "\u202e" }, 2)).toBe('{\n  "a": "\\u202e"\n}');
  });

  test("wide characters take two columns", () => {
    expect(displayWidth("肝臓")).toBe(4);
    expect(padded("肝臓", 6)).toBe("肝臓  ");
    expect(padded("é", 3, "start")).toBe("  é");
  });
});

test("one is one", () => {
  expect([counted(0, "case"), counted(1, "case"), counted(2, "case")]).toEqual(["0 cases", "1 case", "2 cases"]);
  expect(listed(["a", "b", "c"], 2)).toBe("a, b and 1 more");
});
