import type { ModelMetadata } from "@nnunet/core";
import { counted, isNnunetError } from "@nnunet/core";
import { importModel, importPrevious } from "@nnunet/interop";
import { softwareVersion } from "@nnunet/pipeline";
import { useIt } from "../next-hint.ts";
import type { ArtefactDescription } from "./artefact-description.ts";
import { describeLabels } from "./describe-labels.ts";

/** A model of Python nnU-Net: all of it is read, so that what is said holds for the import as well. */
export async function describeForeign(path: string): Promise<ArtefactDescription> {
  const how = { softwareVersion, asPlanned: true };
  const model = await importModel(path, how);
  const { metadata, warnings } = model;
  const [, ...lines] = describeImported(metadata);
  return {
    kind: "foreign model",
    lines: [
      `${path}: a model of ${metadata.origin.tool}, ${whatItIs(metadata)}`,
      ...lines,
      ...(await describePrevious(path, model, how)),
      ...warnings,
      useIt(path),
    ],
  };
}

/** The first network of a cascade, or what is wrong with it. */
async function describePrevious(...[path, model, how]: Parameters<typeof importPrevious>): Promise<string[]> {
  try {
    const first = await importPrevious(path, model, how);
    return first ? [`  after ${whatItIs(first.metadata)}`] : [];
  } catch (error) {
    if (!isNnunetError(error)) throw error;
    return [`  not to be used: ${error.message}`];
  }
}

/** What was imported, in words. */
export function describeImported(metadata: Omit<ModelMetadata, "weightsSha256">): string[] {
  const { plans, dataset, configuration, mirrorAxes, origin } = metadata;
  const c = plans.configurations[configuration]!;
  const axes = ["z", "y", "x"].slice(3 - c.patchSize.length);
  const mirrored =
    mirrorAxes.length === 0 ? "not mirrored" : `mirrored along ${mirrorAxes.map((axis) => axes[axis]).join(", ")}`;
  return [
    `imported a model of ${origin?.tool}: ${whatItIs(metadata)}`,
    `  in:  ${dataset.channelNames.join(", ")} images, resampled to ${c.spacing.map((s) => Number(s.toPrecision(4))).join(" × ")} mm, patches of ${c.patchSize.join(" × ")}, ${mirrored}`,
    `  out: ${describeLabels(dataset)}`,
    `  network: ${c.architecture.kind} U-Net, features ${c.architecture.featuresPerStage.join(" ")}`,
    ...(origin?.files ?? []).map(
      ({ name, sha256, epochs }) =>
        `  from ${name}${epochs === undefined ? "" : `, ${counted(epochs, "epoch")}`}, SHA-256 ${sha256.slice(0, 16)}…`,
    ),
  ];
}

function whatItIs({ plans, configuration, folds, origin }: Omit<ModelMetadata, "weightsSha256">): string {
  return `${configuration} of ${plans.datasetName}, ${folds.length === 1 ? "fold" : "folds"} ${folds.join(", ")}, trained by ${origin?.trainer}`;
}
