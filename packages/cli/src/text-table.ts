/**
 * A table of plain text: columns aligned, numbers to the right, a rule under the head.
 *
 * @example textTable(["label", "Dice"], [["Anterior", "0.871"]]);
 */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length)));
  const numeric = head.map(
    (_, i) => rows.length > 0 && rows.every((row) => /^(-?[\d.]+( ?%)?|–|)$/.test((row[i] ?? "").trim())),
  );
  const line = (cells: readonly string[]) =>
    widths
      .map((width, i) => (numeric[i] ? (cells[i] ?? "").padStart(width) : (cells[i] ?? "").padEnd(width)))
      .join("  ")
      .trimEnd();
  return [line(head), widths.map((width) => "─".repeat(width)).join("  "), ...rows.map(line)].join("\n");
}
