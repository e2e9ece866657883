import { InvalidArtifactError } from "@nnunet/core";
import type { MeanDice, Postprocessing, PostprocessingDecision } from "./postprocessing.ts";

/**
 * `postprocessing.json`. `for_which_classes` and `num_samples` are nnU-Net v1's keys, with its meaning (a list is an
 * object made of several labels); the rest is ours.
 */
export function postprocessingToJson(postprocessing: Postprocessing): unknown {
  return {
    for_which_classes: postprocessing.keepLargest.map((group) => (group.length === 1 ? group[0] : group)),
    min_valid_object_sizes: null,
    num_samples: postprocessing.cases,
    connectivity: postprocessing.connectivity,
    rules: postprocessing.rules,
    decisions: postprocessing.decisions.map(({ group, before, after, adopted }) => ({
      labels: group,
      dice_before: diceToJson(before),
      dice_after: diceToJson(after),
      adopted,
    })),
  };
}

/**
 * Reads our file, or nnU-Net v1's (which says nothing of connectivity: face).
 *
 * @param json - the parsed file
 * @param path - named in errors
 * @throws {InvalidArtifactError} naming the field that is wrong
 */
export function postprocessingFromJson(json: unknown, path: string): Postprocessing {
  if (typeof json !== "object" || json === null) {
    throw new InvalidArtifactError(path, "", "expected an object; is this a postprocessing.json?");
  }
  const {
    for_which_classes,
    connectivity = "face",
    rules = "paper",
    num_samples,
    decisions = [],
  } = json as Record<string, unknown>;
  if (!Array.isArray(for_which_classes)) {
    throw new InvalidArtifactError(path, "for_which_classes", "expected a list of labels and lists of labels");
  }
  if (connectivity !== "face" && connectivity !== "full") {
    throw new InvalidArtifactError(path, "connectivity", 'expected "face" or "full"');
  }
  if (!Array.isArray(decisions)) throw new InvalidArtifactError(path, "decisions", "expected a list");
  return {
    rules: String(rules),
    connectivity,
    keepLargest: for_which_classes.map((entry, i) =>
      labelIds(Array.isArray(entry) ? entry : [entry], path, `for_which_classes.${i}`),
    ),
    cases: typeof num_samples === "number" ? num_samples : 0,
    decisions: decisions.map((entry: Record<string, unknown>, i): PostprocessingDecision => {
      const field = `decisions.${i}`;
      return {
        group: labelIds(entry?.["labels"], path, `${field}.labels`),
        before: diceFromJson(entry?.["dice_before"], path, `${field}.dice_before`),
        after: diceFromJson(entry?.["dice_after"], path, `${field}.dice_after`),
        adopted: entry?.["adopted"] === true,
      };
    }),
  };
}

function labelIds(json: unknown, path: string, field: string): number[] {
  if (!(Array.isArray(json) && json.length > 0 && json.every((id) => Number.isInteger(id) && id > 0))) {
    throw new InvalidArtifactError(path, field, "expected foreground label ids");
  }
  return json;
}

/** null stands for NaN, which JSON does not have. */
const diceToJson = (dice: MeanDice) =>
  Object.fromEntries(Object.entries(dice).map(([key, value]) => [key, Number.isNaN(value) ? null : value]));

function diceFromJson(json: unknown, path: string, field: string): MeanDice {
  if (typeof json !== "object" || json === null) {
    throw new InvalidArtifactError(path, field, "expected a Dice value per label");
  }
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => {
      if (value !== null && typeof value !== "number") {
        throw new InvalidArtifactError(path, `${field}.${key}`, "expected a number or null");
      }
      return [key, value ?? Number.NaN];
    }),
  );
}
