import { counted, elementCount, FileError, firstNonFinite, labelSet, type ModelDataset, show } from "@nnunet/core";

/** What a preprocessed case has to be of. */
export interface PreprocessedFrom {
  readonly id: string;
  readonly channels: number;
  /** Whether it has labels. */
  readonly labelled: boolean;
  readonly dataset: ModelDataset;
}

/**
 * What is wrong with what a preprocessor made, in sentences: its arrays, voxels, labels and places; nothing for a case that can
 * be stored, trained on and brought back to its image.
 */
export function preprocessedProblems(made: unknown, { id, channels, labelled, dataset }: PreprocessedFrom): string[] {
  if (made instanceof Promise) return ["preprocessCase() returns a promise; it is synchronous"];
  const { data, shape, seg, properties } = (made ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(shape) || shape.length !== 4 || !shape.every((n) => Number.isInteger(n) && n > 0)) {
    return [`shape is ${show(shape)}, expected the sizes of channels, z, y, x`];
  }
  const voxels = elementCount(shape.slice(1));
  if (!(data instanceof Float32Array)) return [`data is ${show(data)}, expected a Float32Array`];
  if (data.length !== channels * voxels || shape[0] !== channels) {
    return [
      `data has ${data.length} values in shape [${shape}], expected ${counted(channels, "channel")} of ${voxels}`,
    ];
  }
  const odd = firstNonFinite(data);
  if (odd >= 0) return [`data has ${data[odd]} at ${odd}, expected finite voxels`];
  if (labelled && !(seg instanceof Int16Array && seg.length === voxels)) {
    return [`seg is ${show(seg)}, expected an Int16Array of ${voxels} labels`];
  }
  return [
    ...(labelled ? labelProblems(seg as Int16Array, dataset) : []),
    ...propertyProblems(properties, id, voxels, labelled ? (seg as Int16Array) : undefined),
  ];
}

function labelProblems(seg: Int16Array, dataset: ModelDataset): string[] {
  const known = new Set([-1, ...labelSet(dataset).allowed]);
  const odd = seg.find((label) => !known.has(label));
  return odd === undefined ? [] : [`seg has ${odd}, which is no label of dataset.json`];
}

function propertyProblems(given: unknown, id: string, voxels: number, seg: Int16Array | undefined): string[] {
  const { id: named, classLocations, ...rest } = (given ?? {}) as Readonly<Record<string, unknown>>;
  if (named !== id) return [`properties.id is ${show(named)}, the case is ${id}`];
  if (typeof classLocations !== "object" || classLocations === null) {
    return [`properties.classLocations is ${show(classLocations)}, expected lists of voxels by label`];
  }
  return [...locationProblems(Object.entries(classLocations), voxels, seg), ...cropProblems(rest)];
}

function locationProblems(
  locations: readonly (readonly [string, Int32Array])[],
  voxels: number,
  seg: Int16Array | undefined,
): string[] {
  const problems: string[] = [];
  for (const [key, places] of locations) {
    const ids = key.split(",").map(Number);
    const outside = places.find((place) => !(place >= 0 && place < voxels));
    if (outside !== undefined) problems.push(`classLocations of ${key}: voxel ${outside} of ${voxels}`);
    else if (seg && ids.every((each) => each >= 0) && places.some((place) => !ids.includes(seg[place]!))) {
      problems.push(`classLocations of ${key}: a voxel that seg gives another label`);
    }
  }
  const foreground = locations.length === 0 ? seg?.find((label) => label > 0) : undefined;
  if (foreground !== undefined) {
    const remedy = "give classLocations(seg, labelSet(dataset)) of @nnunet/preprocess";
    problems.push(`classLocations is empty, so no patch would be centred on label ${foreground}; ${remedy}`);
  }
  return problems;
}

function cropProblems(given: Readonly<Record<string, unknown>>): string[] {
  const { cropBox, shapeBeforeCropping: before, shapeAfterCropping: after } = given;
  if (![cropBox, before, after].every((list) => Array.isArray(list) && list.length === 3)) {
    return ["properties have no cropBox, shapeBeforeCropping and shapeAfterCropping of three axes"];
  }
  const [sizes, cropped] = [before as number[], after as number[]];
  return (cropBox as (readonly [number, number])[]).flatMap(([first, end], axis) =>
    first >= 0 && end <= sizes[axis]! && end - first === cropped[axis]
      ? []
      : [`cropBox [${first}, ${end}) does not fit the shapes before and after cropping on axis ${axis}`],
  );
}

/**
 * @param preprocessor - its name
 * @throws {FileError} if what it made of a case is no preprocessed case
 */
export function checkPreprocessed(made: unknown, from: PreprocessedFrom, preprocessor: string): void {
  const [problem] = preprocessedProblems(made, from);
  if (problem === undefined) return;
  throw new FileError(
    `preprocessor ${preprocessor}`,
    `what it makes of case ${from.id} is no preprocessed case: ${problem}`,
  );
}
