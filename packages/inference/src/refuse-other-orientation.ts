import { type StoredImageCase, type ModelMetadata, UnsupportedError } from "@nnunet/core";

/** The reader of Python nnU-Net that turns images to RAS before anything else sees them. */
const REORIENTING_READER = "NibabelIOWithReorient";

/**
 * Images are never turned here. A model that Python nnU-Net trained on images turned to RAS would see others mirrored or
 * transposed, and segment them wrongly without a sign of it.
 *
 * @throws {UnsupportedError} if the model is such a one, and the voxel axes of the image do not run closest to right,
 *   anterior and superior
 */
export function refuseOtherOrientation(
  { origin, plans }: Pick<ModelMetadata, "origin" | "plans">,
  { id, image }: Pick<StoredImageCase, "id" | "image">,
): void {
  if (origin === undefined || plans.imageReaderWriter !== REORIENTING_READER) return;
  if (runsRightAnteriorSuperior(image.geometry.direction)) return;
  throw new UnsupportedError(
    `case ${id}, whose voxels do not run right, anterior, superior (RAS), by a model trained on images turned that way (${REORIENTING_READER})`,
    "turn the image to RAS first, and its segmentation back afterwards",
  );
}

/** @param direction - row-major 3×3, columns are the unit vectors of x, y and z in LPS */
export function runsRightAnteriorSuperior(direction: readonly number[]): boolean {
  const signs = [-1, -1, 1]; // right and anterior are negative in LPS
  return signs.every((sign, axis) => {
    const along = direction[4 * axis]!;
    const others = [0, 1, 2].filter((row) => row !== axis).map((row) => Math.abs(direction[3 * row + axis]!));
    return sign * along > Math.max(...others);
  });
}
