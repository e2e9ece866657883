import type { LoadedCase, ModelDataset, Plans, Preprocessor } from "@nnunet/core";
import { preprocessedProblems } from "./check-preprocessed.ts";

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
  const made = preprocessor.preprocessCase(loaded, plans, configuration, dataset);
  const [channels, labelled] = [loaded.image.shape[0], loaded.label !== undefined];
  const wrong = preprocessedProblems(made, { id: loaded.id, channels, labelled, dataset });
  if (!(made?.data instanceof Float32Array)) return wrong;
  const again = preprocessor.preprocessCase(loaded, plans, configuration, dataset);
  const { data, seg } = made;
  if (data.some((value, i) => !Object.is(value, again.data[i])) || seg?.some((label, i) => label !== again.seg?.[i])) {
    problems.push("preprocessing twice gives two different cases");
  }
  if (image.some((value, i) => !Object.is(value, loaded.image.data[i])))
    problems.push("preprocessing changes the image");
  if (labels.some((value, i) => value !== loaded.label!.data[i])) problems.push("preprocessing changes the labels");
  problems.push(...wrong);
  return problems;
}
