import { labelSet, type LoadedCase, type PredictionSettings, type StageOptions, type Volume } from "@nnunet/core";
import { ensembleProbabilities, type PredictionLimits, segmentationFromProbabilities } from "@nnunet/inference";
import { applyPostprocessing } from "@nnunet/postprocess";
import type { Context } from "../stages.ts";
import type { LoadedPredictor } from "./load-predictor.ts";

/** One image by all members of a predictor: what one of them says, or the mean of what they say; then the postprocessing. */
export async function predictByMembers(
  { stages }: Context,
  { members, postprocessing, metadata }: LoadedPredictor,
  loaded: LoadedCase,
  options: PredictionSettings & PredictionLimits & StageOptions & { readonly probabilities: boolean },
): Promise<{ readonly segmentation: Volume<Int16Array>; readonly probabilities?: Volume<Float32Array> }> {
  const isEnsemble = members.length > 1;
  const volumes: Volume<Float32Array>[] = [];
  let segmentation: Volume<Int16Array> | undefined;
  for (const { models } of members) {
    const predicted = await stages.predictor.predictImage(models, loaded, {
      ...options,
      probabilities: options.probabilities || isEnsemble,
    });
    segmentation = predicted.segmentation;
    if (predicted.probabilities) volumes.push(predicted.probabilities);
  }
  const probabilities = isEnsemble ? ensembleProbabilities(volumes) : volumes[0];
  if (isEnsemble) segmentation = segmentationFromProbabilities(probabilities!, labelSet(metadata.dataset));
  if (postprocessing) segmentation = postprocessed(segmentation!, postprocessing);
  return { segmentation: segmentation!, ...(options.probabilities && probabilities && { probabilities }) };
}

function postprocessed(
  segmentation: Volume<Int16Array>,
  postprocessing: NonNullable<LoadedPredictor["postprocessing"]>,
): Volume<Int16Array> {
  const [, ...shape] = segmentation.shape;
  return { ...segmentation, data: applyPostprocessing(segmentation.data, shape, postprocessing) };
}
