import {
  elementCount,
  labelSet,
  type LoadedCase,
  type ModelMetadata,
  type Predictor,
  spatialShape,
} from "@nnunet/core";

/**
 * What any predictor must keep to: labels of the dataset on the grid of the image, the same each time, the image left alone.
 * Lists every violation, so that a test of any framework can expect an empty list.
 *
 * @example expect(await predictorConformance(myPredictor, [await loadModel("model.onnx")], loaded)).toEqual([]);
 */
export async function predictorConformance<Model extends { readonly metadata: ModelMetadata }>(
  predictor: Predictor<Model>,
  models: readonly Model[],
  loaded: LoadedCase,
): Promise<string[]> {
  const problems: string[] = [];
  const before = Float32Array.from(loaded.image.data);
  const { segmentation, probabilities } = await predictor.predictImage(models, loaded, { probabilities: true });
  const again = await predictor.predictImage(models, loaded);
  const { dataset } = models[0]!.metadata;
  const labels = labelSet(dataset);
  const expected = [1, ...spatialShape(loaded.image)];
  if (segmentation.shape.join() !== expected.join()) {
    problems.push(`the segmentation has shape [${segmentation.shape}], the image [${expected}]`);
  }
  if (JSON.stringify(segmentation.geometry) !== JSON.stringify(loaded.image.geometry)) {
    problems.push("the segmentation has another geometry than the image");
  }
  const odd = segmentation.data.find((label) => !labels.allowed.includes(label));
  if (odd !== undefined) problems.push(`gives label ${odd}, which the dataset does not have`);
  if (segmentation.data.some((label, i) => label !== again.segmentation.data[i])) {
    problems.push("predicting twice gives two different segmentations");
  }
  if (!probabilities) problems.push("gives no probabilities where they are asked for");
  else if (probabilities.data.length !== labels.outputChannels * elementCount(expected)) {
    problems.push(`probabilities of shape [${probabilities.shape}] for ${labels.outputChannels} classes or regions`);
  } else if (!probabilities.data.every((p) => p >= -1e-6 && p <= 1 + 1e-6)) {
    problems.push("probabilities are not all from 0 to 1");
  }
  if (before.some((value, i) => !Object.is(value, loaded.image.data[i]))) problems.push("predicting changes the image");
  return problems;
}
