import { alignedColumns, printableName } from "@nnunet/core";

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
  const numeric = head.map((_, i) => shown.length > 1 && shown.slice(1).every((row) => isNumber(row[i]!)));
  return alignedColumns(shown, { toTheRight: (column) => numeric[column]!, rule: true });
}

const isNumber = (cell: string) => /^(-?[\d.]+( ?%)?|–|)$/.test(cell.trim());
