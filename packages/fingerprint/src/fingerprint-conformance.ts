import {
  type DatasetJson,
  type FingerprintExtractor,
  fingerprintFromJson,
  fingerprintToJson,
  type LoadedCase,
} from "@nnunet/core";

/**
 * What any extractor must keep to: measurements that travel between threads and come together in any order, a fingerprint
 * that can be read again, inputs left alone. Lists every violation, so that a test of any framework can expect an empty list.
 *
 * @param cases - all that `dataset` counts in `numTraining`, two or more
 * @example expect(fingerprintConformance(myExtractor, cases, dataset)).toEqual([]);
 */
export function fingerprintConformance<M>(
  extractor: FingerprintExtractor<M>,
  cases: readonly LoadedCase[],
  dataset: DatasetJson,
): string[] {
  const problems: string[] = [];
  const before = cases.map(({ image }) => Float32Array.from(image.data));
  const measured = cases.map((loaded) => extractor.measureCase(loaded, dataset));
  if (before.some((data, i) => data.some((value, v) => !Object.is(value, cases[i]!.image.data[v])))) {
    problems.push("measuring changes the image");
  }
  const text = (measurements: readonly M[]) =>
    JSON.stringify(fingerprintToJson(extractor.combine(measurements, dataset)));
  const expected = text(measured);
  try {
    if (text(structuredClone(measured)) !== expected) problems.push("measurements change on their way from a worker");
  } catch {
    problems.push("measurements cannot travel from a worker: they hold more than plain data");
  }
  if (text(cases.map((loaded) => extractor.measureCase(loaded, dataset))) !== expected) {
    problems.push("measuring twice gives two different fingerprints");
  }
  if (extractor.merge && text([extractor.merge(measured)]) !== expected) {
    problems.push("merged measurements give another fingerprint");
  }
  try {
    const again = fingerprintToJson(fingerprintFromJson(JSON.parse(expected), "dataset_fingerprint.json"));
    if (JSON.stringify(again) !== expected) problems.push("the fingerprint changes when it is written and read again");
  } catch (error) {
    problems.push(`the fingerprint cannot be read again: ${error instanceof Error ? error.message : String(error)}`);
  }
  return problems;
}
