import { displayWidth, padded, printable } from "./printable.ts";

/**
 * Rows of cells as lines of text with aligned columns, two spaces apart. Cells are neutralised ({@link printable}).
 *
 * @param rows - as many cells as the first row has; missing ones are empty
 * @param options - `toTheRight(column)`: its cells are aligned at their end, as numbers are; `rule`: a line under the
 *   first row
 * @example alignedColumns([["label", "Dice"], ["Anterior", "0.871"]]); // ["label     Dice", "Anterior  0.871"]
 */
export function alignedColumns(
  rows: readonly (readonly string[])[],
  options: { readonly toTheRight?: (column: number) => boolean; readonly rule?: boolean } = {},
): string[] {
  const { toTheRight = () => false, rule = false } = options;
  const cells = rows.map((row) => rows[0]!.map((_, column) => printable(row[column] ?? "")));
  const widths = cells[0]?.map((_, column) => Math.max(...cells.map((row) => displayWidth(row[column]!)))) ?? [];
  const lines = cells.map((row) =>
    row
      .map((cell, column) => padded(cell, widths[column]!, toTheRight(column) ? "start" : "end"))
      .join("  ")
      .trimEnd(),
  );
  if (rule) lines.splice(1, 0, widths.map((width) => "─".repeat(width)).join("  "));
  return lines;
}
