import { median } from "@nnunet/core";

/** The median of each axis on its own. */
export function medianPerAxis(rows: readonly (readonly number[])[]): number[] {
  return rows[0]!.map((_, axis) => median(rows.map((row) => row[axis]!)));
}
