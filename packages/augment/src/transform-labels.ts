import type { Shape3 } from "@nnunet/core";
import type { SimdOption } from "./intensity.ts";
import { sampleInSimd } from "./sampling-simd.ts";
import { type SamplingTransform, samplingRows } from "./spatial-transform.ts";

/**
 * A rotated and scaled patch of a label map, by linear interpolation of each label's mask.
 *
 * `threshold`: the label whose mask reaches 0.5, of two the higher, 0 if none does (nnU-Net v1). `argmax`: the label
 * of the largest mask, of equals the lowest (nnU-Net v2).
 *
 * @param source - [z, y, x] of `shape`
 * @param target - size of the patch, [z, y, x]
 * @param outside - label where the sampling point is beyond the outermost voxel centres; −1 as in a preprocessed case
 * @param out - written and returned, [z, y, x] of `target`; not `source`
 * @see docs/method.md §4.3, step 1 (interpolation)
 */
export function transformLabels(
  source: Int16Array,
  shape: Shape3,
  target: Shape3,
  transform: SamplingTransform,
  rule: "threshold" | "argmax",
  outside = -1,
  out: Int16Array = new Int16Array(target[0] * target[1] * target[2]),
  { simd = true }: SimdOption = {},
): Int16Array {
  const [nz, ny, nx] = shape;
  const plane = ny * nx;
  const rows = samplingRows(shape, target, transform);
  const [dz, dy, dx] = rows.step;
  const argmax = rule === "argmax";
  if (
    simd &&
    sampleInSimd(source, shape, target, transform, out, (wasm, places) => wasm.sampleLabels(...places, argmax, outside))
  ) {
    return out;
  }
  let to = 0;
  for (let row = 0; row < target[0]; row++) {
    for (let column = 0; column < target[1]; column++) {
      const [z0, y0, x0] = rows.start(row, column);
      for (let i = 0; i < target[2]; i++, to++) {
        const z = z0 + i * dz;
        const y = y0 + i * dy;
        const x = x0 + i * dx;
        if (!(z >= 0 && y >= 0 && x >= 0 && z <= nz - 1 && y <= ny - 1 && x <= nx - 1)) {
          out[to] = outside;
          continue;
        }
        const iz = Math.floor(z);
        const iy = Math.floor(y);
        const ix = Math.floor(x);
        // Inside the outermost centres there is a next voxel unless the point lies on this one.
        const up = z > iz ? plane : 0;
        const back = y > iy ? nx : 0;
        const right = x > ix ? 1 : 0;
        const p = iz * plane + iy * nx + ix;
        const label = source[p]!;
        if (
          source[p + right] === label &&
          source[p + back] === label &&
          source[p + back + right] === label &&
          source[p + up] === label &&
          source[p + up + right] === label &&
          source[p + up + back] === label &&
          source[p + up + back + right] === label
        ) {
          out[to] = label;
        } else {
          out[to] = mixedLabel(source, label, p, up, back, right, z - iz, y - iy, x - ix, argmax);
        }
      }
    }
  }
  return out;
}

/** Between two labels, the usual case, the weight of the first decides; more labels are weighed one by one. */
function mixedLabel(
  source: Int16Array,
  label: number,
  first: number,
  up: number,
  back: number,
  right: number,
  tz: number,
  ty: number,
  tx: number,
  argmax: boolean,
): number {
  let mass = 0;
  let other = label;
  let otherMass = 0;
  for (let k = 0; k < 8; k++) {
    const weight = (k & 4 ? tz : 1 - tz) * (k & 2 ? ty : 1 - ty) * (k & 1 ? tx : 1 - tx);
    const here = source[first + (k & 4 ? up : 0) + (k & 2 ? back : 0) + (k & 1 ? right : 0)]!;
    if (here === label) mass += weight;
    else if (other === label || here === other) {
      other = here;
      otherMass += weight;
    } else if (weight > 0) return oneOfMany(source, first, up, back, right, tz, ty, tx, argmax);
  }
  if (mass === otherMass) return argmax ? Math.min(label, other) : Math.max(label, other);
  return mass > otherMass ? label : other;
}

const found = new Int16Array(8);
const masses = new Float64Array(8);

function oneOfMany(
  source: Int16Array,
  first: number,
  up: number,
  back: number,
  right: number,
  tz: number,
  ty: number,
  tx: number,
  argmax: boolean,
): number {
  let count = 0;
  for (let k = 0; k < 8; k++) {
    const weight = (k & 4 ? tz : 1 - tz) * (k & 2 ? ty : 1 - ty) * (k & 1 ? tx : 1 - tx);
    if (weight === 0) continue;
    const label = source[first + (k & 4 ? up : 0) + (k & 2 ? back : 0) + (k & 1 ? right : 0)]!;
    let slot = 0;
    while (slot < count && found[slot] !== label) slot++;
    if (slot === count) {
      found[count] = label;
      masses[count++] = 0;
    }
    masses[slot]! += weight;
  }
  let best = 0;
  let bestMass = 0;
  for (let slot = 0; slot < count; slot++) {
    const label = found[slot]!;
    const mass = masses[slot]!;
    if (argmax) {
      if (mass < bestMass || (mass === bestMass && label > best)) continue;
    } else if (mass < 0.5 || (mass === bestMass && label < best)) continue;
    best = label;
    bestMass = mass;
  }
  return best;
}
