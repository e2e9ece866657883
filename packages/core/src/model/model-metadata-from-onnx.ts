import { z } from "zod";
import { modelDatasetFromJson } from "../dataset/model-dataset-json.ts";
import { InvalidArtifactError } from "../errors.ts";
import { list, nonNegativeInteger, text } from "../json/json-numbers.ts";
import { type ModelMetadata, type ModelOrigin, readOnnxMetadata } from "./model-metadata.ts";
import { listNames, parseArtifact } from "../json/parse-artifact.ts";
import { parseJson } from "../json/parse-json.ts";
import { plansFromJson } from "../plans/plans-json.ts";
import { show } from "../text/show.ts";

/** A file averages a handful of folds; the network is written once for each of them. */
const MOST_FOLDS = 100;

const folds = z
  .array(z.union([nonNegativeInteger, z.literal("all")], { error: 'expected a fold number or "all"' }), {
    error: "expected a list of folds",
  })
  .min(1, { error: "expected at least one fold" })
  .max(MOST_FOLDS, { error: `expected at most ${MOST_FOLDS} folds` });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: "expected a SHA-256: 64 hexadecimal digits" });
const hashes = z
  .array(sha256, { error: "expected a list of SHA-256" })
  .min(1, { error: "expected at least one SHA-256" });
const previousStage = z.object(
  { configuration: z.string({ error: "expected the name of a configuration" }), weights_sha256: hashes },
  { error: "expected an object of configuration and weights_sha256" },
);
const origin = z.object(
  {
    tool: text,
    trainer: text,
    files: list(z.object({ name: text, sha256: text, epochs: nonNegativeInteger.optional() }), "a list of files"),
  },
  { error: "expected an object of tool, trainer and files" },
);
const stageNames = z.record(z.string(), z.string({ error: "expected the name of a stage" }), {
  error: "expected an object of stages and their names",
});
const settings = z.record(z.string(), z.unknown(), { error: "expected settings by name" });
const axes = z.array(nonNegativeInteger.max(2, { error: "expected an axis: 0, 1 or 2" }), {
  error: "expected a list of axes",
});

/**
 * What a `model.onnx` written by nnunet-ts says of itself: plans, dataset.json and how it was trained. The weights
 * are not touched.
 *
 * Keys of `metadata_props`: `nnunet.plans`, `nnunet.dataset`, `nnunet.folds` and `nnunet.mirror_axes` hold JSON;
 * `nnunet.configuration`, `nnunet.version` and `nnunet.weights_sha256` plain text. A model of several folds has
 * `nnunet.fold_weights_sha256`, one trained here `nnunet.recipe`, one trained by stages of one's own `nnunet.stages`, the second of a cascade `nnunet.previous_stage`, one that
 * another tool trained `nnunet.origin`, all JSON. Loading a model to run it also
 * compares the hashes, `nnunet.file_sha256` where it is there.
 *
 * @param path - named in errors
 * @throws {InvalidArtifactError} if the bytes are no ONNX file, a key is missing or holds no valid value
 */
export function modelMetadataFromOnnx(bytes: Uint8Array, path: string): ModelMetadata {
  const pairs = readOnnxMetadata(bytes, path);
  const plain = (key: string): string => {
    const value = pairs.get(`nnunet.${key}`);
    if (value !== undefined) return value;
    const problem = "is missing from the model's metadata; only models exported by nnunet-ts carry their plans";
    throw new InvalidArtifactError(path, `nnunet.${key}`, problem);
  };
  const json = (key: string): unknown => {
    return parseJson(plain(key), path, { field: `nnunet.${key}`, remedy: "export the model again" });
  };
  const plans = plansFromJson(json("plans"), `${path} → nnunet.plans`);
  const configuration = plain("configuration");
  if (!Object.hasOwn(plans.configurations, configuration)) {
    const problem = `names ${show(configuration)}, which its plans do not have (${listNames(Object.keys(plans.configurations))})`;
    throw new InvalidArtifactError(path, "nnunet.configuration", problem);
  }
  const optional = <T>(key: string, schema: z.ZodType<T>): T | undefined =>
    pairs.has(`nnunet.${key}`) ? parseArtifact(schema, json(key), path, [`nnunet.${key}`]) : undefined;
  const ofFolds = optional("fold_weights_sha256", hashes);
  const previous = optional("previous_stage", previousStage);
  const stages = optional("stages", stageNames);
  const recipe = optional("recipe", settings);
  const importedFrom = optional("origin", origin);
  return {
    plans,
    dataset: modelDatasetFromJson(json("dataset"), `${path} → nnunet.dataset`),
    configuration,
    folds: parseArtifact(folds, json("folds"), path, ["nnunet.folds"]),
    mirrorAxes: parseArtifact(axes, json("mirror_axes"), path, ["nnunet.mirror_axes"]),
    softwareVersion: plain("version"),
    weightsSha256: plain("weights_sha256"),
    ...(ofFolds && { foldWeightsSha256: ofFolds }),
    ...(previous && {
      previousStage: { configuration: previous.configuration, weightsSha256: previous.weights_sha256 },
    }),
    ...(stages && { stages }),
    ...(recipe && { recipe }),
    ...(importedFrom && { origin: importedFrom as ModelOrigin }),
  };
}
