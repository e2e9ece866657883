import { type Geometry, InvalidArtifactError, type Spacing } from "@nnunet/core";
import { readRegularFile } from "@nnunet/core/node";
import { numpyConstructors } from "../pickle/numpy.ts";
import { PickleDict } from "../pickle/pickle-values.ts";
import { plainValue } from "../pickle/plain-value.ts";
import { unpickle } from "../pickle/unpickle.ts";
import { writePickle } from "../pickle/write-pickle.ts";

/**
 * Where a case of nnU-Net v2 lies, from the `CASE.pkl` beside its probabilities: what its reader SimpleITKIO noted of a
 * volume. Nothing in the pickle is executed.
 *
 * @throws {InvalidArtifactError} if it is damaged, or another reader wrote it
 */
export async function v2Placement(path: string): Promise<Geometry> {
  const { value } = unpickle(await readRegularFile(path), path, { construct: numpyConstructors() });
  const noted = value instanceof PickleDict ? value.get("sitk_stuff") : undefined;
  const { spacing, origin, direction } = (plainValue(noted ?? null, path, "sitk_stuff") ?? {}) as Record<
    string,
    unknown
  >;
  if (!isNumbers(spacing, 3) || !isNumbers(origin, 3) || !isNumbers(direction, 9) || !spacing.every((s) => s > 0)) {
    const problem = "does not say where a volume lies (spacing, origin and direction by SimpleITKIO)";
    const remedy = "put the segmentation of the case beside it, which says it as well";
    throw new InvalidArtifactError(path, "sitk_stuff", `${problem}; ${remedy}`);
  }
  return {
    spacing: [...spacing].reverse() as unknown as Spacing,
    origin: origin as unknown as Geometry["origin"],
    direction,
  };
}

function isNumbers(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every((n) => Number.isFinite(n));
}

/**
 * `CASE.pkl`: what nnU-Net v2 needs of a case to write a segmentation of it, by whichever of its readers.
 *
 * @param axes - of space in the image; one of two has no place along z there
 */
export function v2PropertiesPickle({ spacing, origin, direction, asRead }: Geometry): Uint8Array {
  const [z, y, x] = spacing;
  const isFlat = asRead?.axes === 2;
  const [ox, oy, oz] = origin;
  // columns are the axes x, y, z; NIfTI's world has x and y the other way round
  const row = (i: number, sign: 1 | -1) => [
    ...[x, y, z].map((step, axis) => sign * direction[3 * i + axis]! * step),
    sign * origin[i]!,
  ];
  return writePickle({
    sitk_stuff: isFlat
      ? { spacing: [x, y], origin: [ox, oy], direction: [0, 1, 3, 4].map((i) => direction[i]!) }
      : { spacing: [x, y, z], origin: [ox, oy, oz], direction: [...direction] },
    nibabel_stuff: { original_affine: [row(0, -1), row(1, -1), row(2, 1), [0, 0, 0, 1]] },
    spacing: [z, y, x],
  });
}
