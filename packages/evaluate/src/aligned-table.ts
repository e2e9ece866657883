import { alignedColumns, printableName } from "@nnunet/core";

/** Lines of a table whose first column holds names and whose others hold numbers, aligned to the right. */
export function alignedTable(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const shown = [header, ...rows].map((row) => row.map((cell) => printableName(cell)));
  return alignedColumns(shown, { toTheRight: (column) => column > 0 });
}
