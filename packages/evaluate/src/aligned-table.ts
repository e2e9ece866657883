import { displayWidth, padded, printableName } from "@nnunet/core";

/** Lines of a table whose first column holds names and whose others hold numbers, aligned to the right. */
export function alignedTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const shown = [header, ...rows].map((row) => row.map((cell) => printableName(cell)));
  const widths = header.map((_, column) => Math.max(...shown.map((row) => displayWidth(row[column]!))));
  return shown.map((row) =>
    row
      .map((cell, i) => padded(cell, widths[i]!, i === 0 ? "end" : "start"))
      .join("  ")
      .trimEnd(),
  );
}
