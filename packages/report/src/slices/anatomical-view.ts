/** How a slice across one array axis is shown: which axes are its columns and rows, and whether they run backwards. */
export interface SliceView {
  /** "axial", "coronal", "sagittal", or "" where the image does not say how it lies. */
  readonly plane: string;
  /** Array axes, 0 = z, 1 = y, 2 = x. */
  readonly across: number;
  readonly columns: number;
  readonly rows: number;
  readonly reversesColumns: boolean;
  readonly reversesRows: boolean;
  /** What lies at the left, right, upper and lower edge. */
  readonly edges: readonly [left: string, right: string, top: string, bottom: string];
}

/** Towards growing and falling coordinates of the patient, LPS. */
const ends = [
  { low: "R", high: "L" },
  { low: "A", high: "P" },
  { low: "I", high: "S" },
] as const;

/** Across left–right, front–back, bottom–top; columns and rows by the patient's axis, and whether that runs backwards. */
const planes = [
  { name: "sagittal", columns: 1, rows: 2, reversesRows: true },
  { name: "coronal", columns: 0, rows: 2, reversesRows: true },
  { name: "axial", columns: 0, rows: 1, reversesRows: false },
] as const;

/**
 * The view that radiologists know: the patient's right on the left, the front (of axial slices) or the head at the top, the
 * front on the left of sagittal slices. Oblique images are shown along the patient axes nearest to theirs.
 *
 * @param direction - row-major 3 × 3, columns are the directions of x, y, z in LPS; undefined if the image does not say
 * @param across - the array axis that is cut: 0 = z, 1 = y, 2 = x
 * @example anatomicalView([1, 0, 0, 0, 1, 0, 0, 0, 1], 0).edges; // ["R", "L", "A", "P"]
 */
export function anatomicalView(direction: readonly number[] | undefined, across: number): SliceView {
  if (direction === undefined) {
    const [rows, columns] = [0, 1, 2].filter((axis) => axis !== across) as [number, number];
    return { plane: "", across, columns, rows, reversesColumns: false, reversesRows: false, edges: ["", "", "", ""] };
  }
  const patientAxes = nearestAxes(direction);
  const { name, columns, rows, reversesRows } = planes[patientAxes[across]!]!;
  const along = (patientAxis: number, reverses: boolean) => {
    const axis = patientAxes.indexOf(patientAxis);
    const grows = component(direction, axis, patientAxis) > 0;
    const { low, high } = ends[patientAxis]!;
    return { axis, isReversed: grows === reverses, first: reverses ? high : low, last: reverses ? low : high };
  };
  const [column, row] = [along(columns, false), along(rows, reversesRows)];
  return {
    plane: name,
    across,
    columns: column.axis,
    rows: row.axis,
    reversesColumns: column.isReversed,
    reversesRows: row.isReversed,
    edges: [column.first, column.last, row.first, row.last],
  };
}

/** How far a step along an array axis goes along a patient axis (0 = L, 1 = P, 2 = S). */
const component = (direction: readonly number[], axis: number, patientAxis: number) =>
  direction[3 * patientAxis + (2 - axis)]!;

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/** The patient axis nearest to each array axis, each once. */
function nearestAxes(direction: readonly number[]): readonly number[] {
  const fit = (order: readonly number[]) =>
    order.reduce((sum, patientAxis, axis) => sum + Math.abs(component(direction, axis, patientAxis)), 0);
  return [...orders].sort((a, b) => fit(b) - fit(a))[0]!;
}
