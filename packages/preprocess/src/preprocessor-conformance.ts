import { elementCount, type LoadedCase, type ModelDataset, type Plans, type Preprocessor } from "@nnunet/core";

/**
 * What any preprocessor must keep to: the same result each time, finite voxels in one shape, places of labels that hold these
 * labels, inputs left alone. Lists every violation, so that a test of any framework can expect an empty list.
 *
 * @param loaded - with labels
 * @example expect(preprocessorConformance(myPreprocessor, loaded, plans, "3d_fullres", dataset)).toEqual([]);
 */
export function preprocessorConformance(
  preprocessor: Preprocessor,
  loaded: LoadedCase,
  plans: Plans,
  configuration: string,
  dataset: ModelDataset,
): string[] {
  const problems: string[] = [];
  const [image, labels] = [Float32Array.from(loaded.image.data), Int16Array.from(loaded.label?.data ?? [])];
  const { data, shape, seg, properties } = preprocessor.preprocessCase(loaded, plans, configuration, dataset);
  const again = preprocessor.preprocessCase(loaded, plans, configuration, dataset);
  if (data.some((value, i) => !Object.is(value, again.data[i])) || seg?.some((label, i) => label !== again.seg?.[i])) {
    problems.push("preprocessing twice gives two different cases");
  }
  if (image.some((value, i) => !Object.is(value, loaded.image.data[i])))
    problems.push("preprocessing changes the image");
  if (labels.some((value, i) => value !== loaded.label!.data[i])) problems.push("preprocessing changes the labels");
  const channels = loaded.image.shape[0];
  if (shape[0] !== channels) problems.push(`makes ${shape[0]} channels of ${channels}`);
  if (data.length !== elementCount(shape)) problems.push(`data has ${data.length} elements for shape [${shape}]`);
  if (!data.every(Number.isFinite)) problems.push("the image is not finite everywhere");
  const voxels = elementCount(shape.slice(1));
  if (loaded.label && seg?.length !== voxels) problems.push(`seg has ${seg?.length} voxels, the image ${voxels}`);
  if (properties.id !== loaded.id) problems.push(`properties.id is ${properties.id}, the case is ${loaded.id}`);
  for (const [key, places] of Object.entries(properties.classLocations)) {
    const ids = key.split(",").map(Number);
    const outside = places.find((place) => !(place >= 0 && place < voxels));
    if (outside !== undefined) problems.push(`classLocations of ${key}: voxel ${outside} of ${voxels}`);
    else if (seg && ids.every((id) => id >= 0) && places.some((place) => !ids.includes(seg[place]!))) {
      problems.push(`classLocations of ${key}: a voxel that seg gives another label`);
    }
  }
  const { cropBox, shapeAfterCropping, shapeBeforeCropping } = properties;
  for (const [axis, [first, end]] of cropBox.entries()) {
    if (!(first >= 0 && end <= shapeBeforeCropping[axis]! && end - first === shapeAfterCropping[axis])) {
      problems.push(`cropBox [${first}, ${end}) does not fit the shapes before and after cropping on axis ${axis}`);
    }
  }
  return problems;
}
