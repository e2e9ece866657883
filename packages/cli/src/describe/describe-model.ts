import { isJsonObject, modelDatasetKeys, printable } from "@nnunet/core";
import { readRegularFile } from "@nnunet/core/node";
import { inspectModel } from "@nnunet/inference";
import { pairedModel } from "@nnunet/pipeline";
import { basename } from "node:path";
import type { ArtefactDescription } from "./artefact-description.ts";
import { describeLabels } from "./describe-labels.ts";
import { useIt } from "../next-hint.ts";

/** How much of a text is shown; `--json` shows all of it. */
const shownCharacters = 300;

/** A model, and all that it carries, so that its owner can look through it before giving it away. */
export async function describeModel(path: string, size: string): Promise<ArtefactDescription> {
  const { metadata, carried } = await inspectModel(await readRegularFile(path), path);
  const { plans, dataset, configuration, folds, softwareVersion } = metadata;
  const c = plans.configurations[configuration]!;
  const beyond = Object.keys(parsed(carried.get("nnunet.dataset"))).filter((key) => !modelDatasetKeys.includes(key));
  const first = c.previousConfiguration;
  const own = metadata.stages?.["network"];
  const lines = [
    first === undefined
      ? `${path}: a trained model (${size}), all that is needed to predict`
      : `${path}: a trained model (${size}), the second network of a cascade; the first, ${first}, is to be beside it as ${basename(pairedModel(path, first))}, or in its model folder`,
    `  made by nnunet-ts ${softwareVersion} from ${plans.datasetName}, configuration ${configuration}, fold ${folds.join(", ")}`,
    `  in:  ${dataset.channelNames.join(", ")} images, resampled to ${c.spacing.map((s) => Number(s.toPrecision(4))).join(" × ")} mm, patches of ${c.patchSize.join(" × ")}`,
    `  out: ${describeLabels(dataset)}`,
    own === undefined
      ? `  network: ${c.architecture.kind} U-Net, features ${c.architecture.featuresPerStage.join(" ")}`
      : `  network: ${printable(own)}, in place of the plan's`,
    "  carries, for whoever gets it (--json shows all of it):",
    ...[...carried].flatMap(([key, value]) => textLines(key, value)),
    ...(beyond.length === 0
      ? []
      : [
          `  beyond what prediction needs: ${printable(beyond.join(", "))} of dataset.json; export the model again to leave that out`,
        ]),
    useIt(path),
  ];
  return { kind: "model", lines, carried: Object.fromEntries(carried) };
}

/** One line per text; of JSON one per key. */
function textLines(key: string, value: string): string[] {
  const entries = Object.entries(parsed(value));
  if (entries.length === 0) return [`    ${printable(key)}: ${shortened(value)}`];
  return entries.map(
    ([name, entry]) => `    ${printable(key)} → ${printable(name)}: ${shortened(JSON.stringify(entry))}`,
  );
}

function parsed(value: string | undefined): object {
  try {
    const json: unknown = JSON.parse(value ?? "");
    return isJsonObject(json) ? json : {};
  } catch {
    return {};
  }
}

function shortened(value: string): string {
  const shown = printable(value.slice(0, shownCharacters));
  return value.length <= shownCharacters ? shown : `${shown}… (${value.length.toLocaleString("en")} characters)`;
}
