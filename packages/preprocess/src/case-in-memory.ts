import { InvalidArgumentError, type PreprocessedCase, type PreprocessedCaseReader, type Shape3 } from "@nnunet/core";

/**
 * A preprocessed case as a reader of patches, without a file: for small cases, caches and tests.
 *
 * @throws {InvalidArgumentError} from `readPatch`, if the case has no labels or the box leaves the volume
 * @example await caseInMemory(preprocessed).readPatch([0, 0, 0], [8, 8, 8]);
 */
export function caseInMemory({ data, seg, shape, properties }: PreprocessedCase): PreprocessedCaseReader {
  return {
    id: properties.id,
    shape,
    classLocations: properties.classLocations,
    async readPatch(start, size) {
      checkPatch(properties.id, start, size, [shape[1], shape[2], shape[3]], seg !== undefined);
      const patch = {
        data: new Float32Array(shape[0] * size[0] * size[1] * size[2]),
        seg: new Int16Array(size[0] * size[1] * size[2]),
      };
      copyBox(data, shape, start, size, patch.data);
      copyBox(seg!, [1, shape[1], shape[2], shape[3]], start, size, patch.seg);
      return patch;
    },
  };
}

function copyBox<T extends Float32Array | Int16Array>(
  from: T,
  [channels, depth, height, width]: readonly [number, number, number, number],
  start: Shape3,
  size: Shape3,
  out: T,
): void {
  let to = 0;
  for (let c = 0; c < channels; c++) {
    for (let z = start[0]; z < start[0] + size[0]; z++) {
      for (let y = start[1]; y < start[1] + size[1]; y++, to += size[2]) {
        const row = ((c * depth + z) * height + y) * width + start[2];
        out.set(from.subarray(row, row + size[2]), to);
      }
    }
  }
}

export function checkPatch(id: string, start: Shape3, size: Shape3, shape: Shape3, labelled: boolean): void {
  if (!labelled) {
    throw new InvalidArgumentError(
      `case ${id}`,
      "a case with labels; it was preprocessed without a label file",
      "no labels",
    );
  }
  for (let i = 0; i < 3; i++) {
    const [s, n] = [start[i]!, size[i]!];
    if (!(Number.isInteger(s) && Number.isInteger(n) && n > 0 && s >= 0 && s + n <= shape[i]!)) {
      throw new InvalidArgumentError(`patch of case ${id}`, `a non-empty box inside [${shape}]`, [
        [...start],
        [...size],
      ]);
    }
  }
}
