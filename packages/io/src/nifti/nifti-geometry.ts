import type { Geometry } from "@nnunet/core";
import { cross, determinant, spansSpace, splitAxisVector } from "../geometry/axis-vectors.ts";

/*
 * NIfTI's three ways to place a grid ⇄ core's Geometry (LPS, ITK's convention).
 *
 * The sform wins where its code is positive, else the qform, else the grid is centred at the origin with x pointing
 * left: nibabel's rules, which FSL and the viewers share, so that a segmentation lies where those show the image.
 * (ITK prefers the qform for some pairs of codes; where the two differ, `verifyDataset` says so.)
 *
 * `direction` holds sform column / spacing in float64. Multiplying back and rounding to float32 gives the stored
 * value again, because the float64 error is nine orders smaller: reading and writing keeps the sform bit for bit.
 */

/** The placing fields of a NIfTI header. `pixdim` and all lists are in file order x, y, z; lengths are in mm. */
export interface NiftiForms {
  readonly sformCode: number;
  readonly qformCode: number;
  /** Rows of the sform, 3 × 4. */
  readonly srow: readonly number[];
  readonly quaternion: readonly [b: number, c: number, d: number];
  readonly qoffset: readonly [number, number, number];
  /** −1 if the third axis is flipped after the rotation. */
  readonly qfac: number;
  readonly pixdim: readonly [number, number, number];
}

type Extent = readonly [x: number, y: number, z: number];

/**
 * @param extent - voxels along x, y, z
 * @param round - precision of the stored numbers: `Math.fround` for NIfTI-1
 * @returns the geometry, or the field and the reason why it is none
 */
export function geometryFromForms(
  forms: NiftiForms,
  extent: Extent,
  round: (x: number) => number,
): Geometry | { readonly field: string; readonly problem: string } {
  if (forms.sformCode > 0) return geometryFromSform(forms, extent, round);
  if (forms.qformCode > 0) return geometryFromQform(forms);
  return centredGeometry(forms.pixdim, extent);
}

function geometryFromSform(
  { srow, pixdim }: NiftiForms,
  extent: Extent,
  round: (x: number) => number,
): Geometry | { field: string; problem: string } {
  for (let i = 0; i < 12; i++) {
    if (!Number.isFinite(srow[i])) {
      return { field: `srow_${"xyz"[i >> 2]}[${i % 4}]`, problem: `expected a finite number, got ${srow[i]}` };
    }
  }
  const columns = [0, 1, 2].map((c) => [srow[c]!, srow[4 + c]!, srow[8 + c]!]);
  const norms = columns.map((column) => Math.hypot(...column));
  if (norms[2] === 0 && extent[2] === 1) {
    // A 2D image needs no third column: any normal of the plane does.
    columns[2] = cross(columns[0]!, columns[1]!).map((v) => (v / (norms[0]! * norms[1]!)) * pixdim[2]);
    norms[2] = Math.hypot(...columns[2]!);
  }
  if (!spansSpace(columns)) {
    const problem = norms.every((norm) => norm === 0)
      ? "the sform matrix is all zeros"
      : "the sform matrix is singular: two axes of the image point the same way";
    return { field: "srow", problem };
  }
  // pixdim where the two agree to float32 precision: it is the number that the scanner's software wrote.
  const axes = columns.map((column, c) => splitAxisVector(column, pixdim[c], round));
  const spacing = axes.map((axis) => axis.spacing);
  const direction = [0, 1, 2].flatMap((row) => axes.map((axis) => toLps(row, axis.direction[row]!)));
  return {
    spacing: [spacing[2]!, spacing[1]!, spacing[0]!],
    origin: [toLps(0, srow[3]!), toLps(1, srow[7]!), toLps(2, srow[11]!)],
    direction,
  };
}

function geometryFromQform(forms: NiftiForms): Geometry | { field: string; problem: string } {
  const [b, c, d] = forms.quaternion;
  for (const [i, value] of forms.quaternion.entries()) {
    if (!Number.isFinite(value)) {
      return { field: `quatern_${"bcd"[i]}`, problem: `expected a finite number, got ${value}` };
    }
  }
  for (const [i, value] of forms.qoffset.entries()) {
    if (!Number.isFinite(value)) {
      return { field: `qoffset_${"xyz"[i]}`, problem: `expected a finite number, got ${value}` };
    }
  }
  const rest = 1 - (b * b + c * c + d * d);
  if (rest < -1e-5) {
    return { field: "quatern_b", problem: `the quaternion is longer than 1 (b² + c² + d² = ${1 - rest})` };
  }
  const rotation = quaternionToRotation(forms.quaternion);
  const [x, y, z] = forms.pixdim;
  return {
    spacing: [z, y, x],
    origin: [toLps(0, forms.qoffset[0]), toLps(1, forms.qoffset[1]), toLps(2, forms.qoffset[2])],
    direction: rotation.map((v, i) => toLps(Math.floor(i / 3), i % 3 === 2 ? v * forms.qfac : v)),
  };
}

function centredGeometry(pixdim: NiftiForms["pixdim"], extent: Extent): Geometry {
  const half = pixdim.map((p, i) => (p * (extent[i]! - 1)) / 2);
  return {
    spacing: [pixdim[2], pixdim[1], pixdim[0]],
    origin: [0 - half[0]!, half[1]!, 0 - half[2]!],
    direction: [1, 0, 0, 0, -1, 0, 0, 0, 1],
  };
}

/**
 * The forms that say `geometry` best: those that read back to exactly the same numbers, the sform first.
 *
 * Sform and qform are both written, so that every program finds the image in the same place, unless only the qform
 * (oblique images that had no sform) or no form at all (images that had none) says it exactly, or the axes are not
 * at right angles, which a qform cannot say.
 */
export function formsFromGeometry(geometry: Geometry, extent: Extent, round: (x: number) => number): NiftiForms {
  const { direction, origin } = geometry;
  const pixdim = [round(geometry.spacing[2]), round(geometry.spacing[1]), round(geometry.spacing[0])] as const;
  const spacing = [geometry.spacing[2], geometry.spacing[1], geometry.spacing[0]];
  const offset = [0, 1, 2].map((row) => round(toLps(row, origin[row]!))) as [number, number, number];
  const ras = direction.map((v, i) => toLps(Math.floor(i / 3), v));
  const srow = [0, 1, 2].flatMap((row) => [
    ...[0, 1, 2].map((c) => round(ras[3 * row + c]! * spacing[c]!)),
    offset[row]!,
  ]);
  const qfac = determinant([0, 1, 2].map((c) => [ras[c]!, ras[3 + c]!, ras[6 + c]!])) < 0 ? -1 : 1;
  const rotation = ras.map((v, i) => (i % 3 === 2 ? v * qfac : v));
  const quaternion = rotationToQuaternion(rotation).map(round) as [number, number, number];
  const rightAngles = quaternionToRotation(quaternion).every((v, i) => Math.abs(v - rotation[i]!) < 1e-5);
  const both = { sformCode: 1, qformCode: rightAngles ? 1 : 0, srow, quaternion, qoffset: offset, qfac, pixdim };
  const candidates = [both, { ...both, sformCode: 0, qformCode: 1 }, { ...both, sformCode: 0, qformCode: 0 }];
  const exact = candidates.find((forms) => sameGeometry(geometryFromForms(forms, extent, round), geometry));
  return exact ?? both;
}

/** Bit for bit. */
export function sameGeometry(a: Geometry | { readonly field: string }, b: Geometry): boolean {
  if ("field" in a) return false;
  const same = (x: readonly number[], y: readonly number[]) => x.every((v, i) => v === y[i]);
  return same(a.spacing, b.spacing) && same(a.origin, b.origin) && same(a.direction, b.direction);
}

/** The rotation matrix, row-major, of a unit quaternion with a ≥ 0 given by its last three parts. */
function quaternionToRotation(quaternion: readonly [number, number, number]): number[] {
  const [x, y, z] = quaternion;
  const rest = 1 - (x * x + y * y + z * z);
  const a = rest > 0 ? Math.sqrt(rest) : 0;
  // Rounding to float32 can make the stored part a little longer than 1.
  const [b, c, d] =
    rest < 0 ? (quaternion.map((v) => v / Math.hypot(x, y, z)) as [number, number, number]) : quaternion;
  return [
    a * a + b * b - c * c - d * d,
    2 * (b * c - a * d),
    2 * (b * d + a * c),
    2 * (b * c + a * d),
    a * a + c * c - b * b - d * d,
    2 * (c * d - a * b),
    2 * (b * d - a * c),
    2 * (c * d + a * b),
    a * a + d * d - b * b - c * c,
  ];
}

/** The last three parts of the unit quaternion with a ≥ 0 of a rotation; dividing by its largest part loses nothing. */
function rotationToQuaternion(r: readonly number[]): [number, number, number] {
  const squares = [
    1 + r[0]! + r[4]! + r[8]!,
    1 + r[0]! - r[4]! - r[8]!,
    1 - r[0]! + r[4]! - r[8]!,
    1 - r[0]! - r[4]! + r[8]!,
  ];
  const largest = squares.indexOf(Math.max(...squares));
  const twice = Math.sqrt(squares[largest]!);
  const scale = 0.5 / twice;
  const parts = [
    [twice / 2, (r[7]! - r[5]!) * scale, (r[2]! - r[6]!) * scale, (r[3]! - r[1]!) * scale],
    [(r[7]! - r[5]!) * scale, twice / 2, (r[1]! + r[3]!) * scale, (r[2]! + r[6]!) * scale],
    [(r[2]! - r[6]!) * scale, (r[1]! + r[3]!) * scale, twice / 2, (r[5]! + r[7]!) * scale],
    [(r[3]! - r[1]!) * scale, (r[2]! + r[6]!) * scale, (r[5]! + r[7]!) * scale, twice / 2],
  ][largest]!;
  const sign = parts[0]! < 0 ? -1 : 1;
  return [parts[1]! * sign, parts[2]! * sign, parts[3]! * sign];
}

/** RAS ⇄ LPS: x and y change sign. `0 - v` instead of `-v`, so that no −0 arises. */
function toLps(row: number, value: number): number {
  return row === 2 ? value + 0 : 0 - value;
}
