import { checkPathSegment, InvalidArtifactError, isJsonObject, show } from "@nnunet/core";

export const predictorFormat = "nnunet-ts predictor 1";

/** `predictor.json`: what a final predictor consists of. It names no case. */
export interface PredictorDescription {
  readonly dataset: string;
  readonly plans: string;
  /** Averaged where there are several. */
  readonly members: readonly {
    readonly configuration: string;
    readonly folds: readonly (number | "all")[];
    /** In the folder, a model of all these folds. */
    readonly file: string;
  }[];
  /** Name of the stage whose data `postprocessing.json` is; null where none was decided, and there is no such file. */
  readonly postprocessor: string | null;
  /** Mean Dice of the validation cases after postprocessing, with its interval of 95 %; null where it has none. */
  readonly score: {
    readonly dice: number | null;
    readonly low: number | null;
    readonly high: number | null;
    readonly cases: number;
  };
  /** Why this one, in a sentence. */
  readonly chosen: string;
  /** What must be known before anybody uses it, loud: that it finds nothing, or was never validated. */
  readonly warnings: readonly string[];
  /** Hash of what it was made from. */
  readonly madeFrom: string;
  /** SHA-256 of every other file of the folder. */
  readonly files: Readonly<Record<string, string>>;
}

export function descriptionToJson(description: PredictorDescription): unknown {
  const { dataset, plans, members, postprocessor, score, chosen, warnings, madeFrom, files } = description;
  return {
    format: predictorFormat,
    dataset,
    plans,
    members,
    postprocessor,
    score: { dice: score.dice, interval: [score.low, score.high], validation_cases: score.cases },
    chosen,
    ...(warnings.length > 0 && { warnings }),
    made_from: madeFrom,
    files,
  };
}

/**
 * @param path - of `predictor.json`, named in errors
 * @throws {InvalidArtifactError} naming the field that is wrong; a name of a file that leads elsewhere is wrong, too
 */
export function descriptionFromJson(json: unknown, path: string): PredictorDescription {
  const root = record(json, path, "");
  if (root["format"] !== predictorFormat) {
    throw new InvalidArtifactError(path, "format", `expected "${predictorFormat}", got ${show(root["format"])}`);
  }
  const files = record(root["files"], path, "files");
  for (const [name, hash] of Object.entries(files)) {
    checkPathSegment(name, path, "files");
    if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash)) {
      throw new InvalidArtifactError(path, `files.${name}`, "expected 64 hexadecimal digits (SHA-256)");
    }
  }
  const { members } = root;
  if (!Array.isArray(members) || members.length === 0) {
    throw new InvalidArtifactError(path, "members", "expected a list of at least one configuration");
  }
  const score = record(root["score"], path, "score");
  const [low, high] = Array.isArray(score["interval"]) ? score["interval"] : [];
  const number = (value: unknown) => (typeof value === "number" ? value : null);
  return {
    dataset: text(root["dataset"], path, "dataset"),
    plans: text(root["plans"], path, "plans"),
    members: members.map((entry: unknown, i) => {
      const member = record(entry, path, `members[${i}]`);
      const file = text(member["file"], path, `members[${i}].file`);
      if (!Object.hasOwn(files, file)) {
        throw new InvalidArtifactError(path, `members[${i}].file`, `expected one of its files, got ${show(file)}`);
      }
      const folds = member["folds"];
      const isFold = (fold: unknown) => fold === "all" || (Number.isInteger(fold) && (fold as number) >= 0);
      if (!Array.isArray(folds) || !folds.every(isFold)) {
        throw new InvalidArtifactError(path, `members[${i}].folds`, `expected fold numbers, got ${show(folds)}`);
      }
      return { configuration: text(member["configuration"], path, `members[${i}].configuration`), folds, file };
    }),
    postprocessor: root["postprocessor"] === null ? null : text(root["postprocessor"], path, "postprocessor"),
    score: {
      dice: number(score["dice"]),
      low: number(low),
      high: number(high),
      cases: number(score["validation_cases"]) ?? 0,
    },
    chosen: text(root["chosen"], path, "chosen"),
    warnings: warningsOf(root["warnings"], path),
    madeFrom: text(root["made_from"], path, "made_from"),
    files: files as Record<string, string>,
  };
}

function warningsOf(json: unknown, path: string): readonly string[] {
  if (json === undefined) return [];
  if (Array.isArray(json) && json.every((each) => typeof each === "string")) return json;
  throw new InvalidArtifactError(path, "warnings", `expected a list of sentences, got ${show(json)}`);
}

function record(json: unknown, path: string, field: string): Record<string, unknown> {
  if (isJsonObject(json)) return json;
  throw new InvalidArtifactError(path, field, `expected an object, got ${show(json)}; is this a predictor.json?`);
}

function text(json: unknown, path: string, field: string): string {
  if (typeof json === "string") return json;
  throw new InvalidArtifactError(path, field, `expected a text, got ${show(json)}`);
}
