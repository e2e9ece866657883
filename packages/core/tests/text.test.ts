import { expect, test } from "@jest/globals";
import { alignedColumns, svgDocument, svgText } from "@nnunet/core";

test("columns are as wide as their widest cell, on a terminal; numbers may stand to the right", () => {
  const rows = [
    ["label", "Dice"],
    ["肝臓", "0.9"],
    ["left\n", "0.871"],
  ];
  expect(alignedColumns(rows, { toTheRight: (column) => column === 1 })).toEqual([
    "label    Dice",
    "肝臓      0.9",
    "left\\n  0.871",
  ]);
  expect(alignedColumns(rows.slice(0, 2), { rule: true })).toEqual(["label  Dice", "─────  ────", "肝臓   0.9"]);
  expect(alignedColumns([])).toEqual([]);
});

test("a row that is too short has empty cells, and no line ends with spaces", () => {
  expect(alignedColumns([["a", "b"], ["long"]])).toEqual(["a     b", "long"]);
});

test("what a drawing says is text, whatever it is", () => {
  const hostile = "</text><script>\u202e";
  const drawing = svgDocument(hostile, 10, 20, [svgText(1, 2, hostile, { anchor: "end", bold: true })]);
  expect(drawing).not.toContain("<script");
  expect(drawing).not.toContain("\u202e");
  expect(drawing).toMatch(/^<svg [^>]*width="10" height="20" viewBox="0 0 10 20"[^>]*>\n<title>/);
  expect(drawing).toMatch(/<text x="1" y="2" font-size="11" font-weight="bold" text-anchor="end" fill="#1b1b1b">&#60;/);
  expect(drawing.endsWith("</svg>\n")).toBe(true);
});
