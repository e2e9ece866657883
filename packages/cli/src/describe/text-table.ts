import { displayWidth, padded, printableName } from "@nnunet/core";

/** A sentence may be long, a name that fills more than this is not a name. */
const widestCell = 400;

/**
 * A table of plain text: columns aligned, numbers to the right, a rule under the head. Cells are neutralised.
 *
 * @returns lines
 * @example textTable(["label", "Dice"], [["Anterior", "0.871"]]);
 */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const shown = [head, ...rows].map((row) => head.map((_, i) => printableName(row[i] ?? "", widestCell)));
  const widths = head.map((_, i) => Math.max(...shown.map((row) => displayWidth(row[i]!))));
  const numeric = head.map((_, i) => shown.length > 1 && shown.slice(1).every((row) => isNumber(row[i]!)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => padded(cell, widths[i]!, numeric[i] ? "start" : "end"))
      .join("  ")
      .trimEnd();
  return [line(shown[0]!), widths.map((width) => "─".repeat(width)).join("  "), ...shown.slice(1).map(line)];
}

const isNumber = (cell: string) => /^(-?[\d.]+( ?%)?|–|)$/.test(cell.trim());
