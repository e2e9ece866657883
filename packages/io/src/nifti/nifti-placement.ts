import { type Geometry, ImageFileError, type NiftiPlacement, type VolumeShape } from "@nnunet/core";
import { formsFromGeometry, geometryFromForms, type NiftiForms, sameGeometry } from "./nifti-geometry.ts";

/*
 * The placing fields of a header as they are stored ⇄ the forms in millimetres that geometry is made from.
 *
 * Other programs write headers that contradict themselves. Where nibabel and ITK read the same out of such a header,
 * so do we, with a warning; where they differ, or read nonsense, the file is refused (tools/fixtures/io/nifti_odd.py
 * tries both on hundreds of headers).
 */

const millimetresPerUnit: Readonly<Record<number, number>> = { 0: 1, 1: 1000, 2: 1, 3: 0.001 };
const unitNames: Readonly<Record<number, string>> = { 1: "metres", 3: "micrometres" };

/** Hears what is odd about a field, or ends the reading. */
export interface HeaderComplaints {
  readonly warn: (field: string, problem: string) => void;
  readonly fail: (field: string, problem: string) => never;
}

type Extent = readonly [x: number, y: number, z: number];

/** Precision of the numbers in a header. */
export function precisionOf(version: 1 | 2): (x: number) => number {
  return version === 1 ? Math.fround : (x) => x;
}

/**
 * Where the grid lies.
 *
 * The sform wins where its code is positive and its three axes span space; else the qform; else the grid is centred.
 */
export function geometryOfPlacement(
  placement: NiftiPlacement,
  extent: Extent,
  { warn, fail }: HeaderComplaints,
): Geometry {
  const round = precisionOf(placement.version);
  const unit = placement.units & 7;
  const scale = millimetresPerUnit[unit] ?? 1;
  if (millimetresPerUnit[unit] === undefined) {
    warn("xyzt_units", `${unit} is not a unit of length; the spacing is taken as millimetres`);
  }
  // Rounded again, so that the millimetres can be stored exactly.
  const length = (value: number) => (scale === 1 ? value : round(value * scale));
  const stated = placement.pixdim.slice(1).map(length) as unknown as NiftiForms["pixdim"];
  const expected = `expected a positive spacing in ${unitNames[unit] ?? "mm"}`;
  const notFinite = stated.findIndex((p) => !Number.isFinite(p));
  if (notFinite >= 0) fail(`pixdim[${notFinite + 1}]`, `${expected}, got ${stated[notFinite]}`);
  const forms: NiftiForms = {
    sformCode: placement.sformCode,
    qformCode: placement.qformCode,
    srow: placement.srow.map(length),
    quaternion: placement.quaternion,
    qoffset: placement.qoffset.map(length) as unknown as NiftiForms["qoffset"],
    qfac: placement.pixdim[0]! < 0 ? -1 : 1,
    pixdim: stated.map((p, i) => (p === 0 && extent[i] === 1 ? 1 : p)) as unknown as NiftiForms["pixdim"],
  };
  if (forms.sformCode > 0) {
    const geometry = geometryFromForms(forms, extent, round);
    if (!("field" in geometry)) {
      warnOfSpacing(forms.pixdim, geometry, extent, warn);
      return geometry;
    }
    // Numbers that are none are damage; three axes that are no space (mostly zeros) are a form that nobody filled in.
    if (forms.qformCode <= 0 || !forms.srow.every(Number.isFinite)) return fail(geometry.field, geometry.problem);
    warn(geometry.field, `${geometry.problem}; the image is placed by the qform`);
  }
  const pixdim = forms.pixdim.map((p, i) => {
    if (p > 0) return p;
    const field = `pixdim[${i + 1}]`;
    if (p < 0) return fail(field, `${expected}, got ${p}`);
    warn(field, "the spacing is 0; it is taken as 1 mm");
    return 1;
  }) as unknown as NiftiForms["pixdim"];
  const geometry = geometryFromForms({ ...forms, sformCode: 0, pixdim }, extent, round);
  return "field" in geometry ? fail(geometry.field, geometry.problem) : geometry;
}

/** ITK takes spacing from pixdim and directions from the sform, so a pixdim of its own makes it see another image. */
function warnOfSpacing(
  pixdim: NiftiForms["pixdim"],
  { spacing }: Geometry,
  extent: Extent,
  warn: HeaderComplaints["warn"],
): void {
  for (const [i, p] of pixdim.entries()) {
    const ofSform = spacing[2 - i]!;
    if (extent[i] === 1 || Math.abs(p - ofSform) <= 1e-3 * ofSform) continue;
    const rounded = Number(ofSform.toPrecision(6));
    warn(
      `pixdim[${i + 1}]`,
      `the spacing is ${Number(p.toPrecision(6))}, but ${rounded} mm by the sform, which is taken`,
    );
  }
}

/**
 * The fields to write for a geometry: those of the file that it was read from, code by code and bit by bit, if they
 * still say exactly this grid; otherwise the forms that say it best, in mm.
 */
export function placementToWrite(geometry: Geometry, shape: VolumeShape, version: 1 | 2): NiftiPlacement {
  const extent: Extent = [shape[3], shape[2], shape[1]];
  const { asRead } = geometry;
  if (asRead?.nifti && saysGrid(asRead.nifti, asRead.shape, geometry, shape)) return asRead.nifti;
  const forms = formsFromGeometry(geometry, extent, precisionOf(version));
  return {
    version,
    units: 2,
    sformCode: forms.sformCode,
    qformCode: forms.qformCode,
    pixdim: [forms.qfac, ...forms.pixdim],
    quaternion: forms.qformCode > 0 ? forms.quaternion : [0, 0, 0],
    qoffset: forms.qformCode > 0 ? forms.qoffset : [0, 0, 0],
    srow: forms.sformCode > 0 ? forms.srow : new Array<number>(12).fill(0),
  };
}

/** Where the qform alone places the grid; undefined if it places it nowhere. */
export function geometryByQform(placement: NiftiPlacement, extent: Extent): Geometry | undefined {
  return quietGeometry({ ...placement, sformCode: 0 }, extent);
}

function saysGrid(
  placement: NiftiPlacement,
  [nz, ny, nx]: readonly number[],
  geometry: Geometry,
  shape: VolumeShape,
): boolean {
  if (nz !== shape[1] || ny !== shape[2] || nx !== shape[3]) return false;
  const said = quietGeometry(placement, [nx!, ny!, nz!]);
  return said !== undefined && sameGeometry(said, geometry);
}

function quietGeometry(placement: NiftiPlacement, extent: Extent): Geometry | undefined {
  const warn = () => {};
  const fail = (field: string, problem: string): never => {
    throw new ImageFileError("", field, problem);
  };
  try {
    return geometryOfPlacement(placement, extent, { warn, fail });
  } catch {
    return undefined;
  }
}
