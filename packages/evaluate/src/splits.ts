import { InvalidArgumentError, InvalidArtifactError, MersenneTwister, type Splits } from "@nnunet/core";

/**
 * nnU-Net's cross-validation: the sorted cases, shuffled by a seed and dealt into folds, each the validation set once.
 * The same as scikit-learn's `KFold(folds, shuffle=True, random_state=seed)`.
 *
 * @param caseIds - any order; sorted by code point here
 * @throws {InvalidArgumentError} if there are fewer cases than folds, fewer than two folds, or a case twice
 * @example crossValidationSplits(["a", "b", "c", "d", "e"])[0].val; // ["a"]
 * @see docs/method.md §6; checked against scikit-learn's splits in golden/splits.json
 */
export function crossValidationSplits(caseIds: readonly string[], folds = 5, seed = 12345): Splits {
  const sorted = sortedCases(caseIds);
  if (!(Number.isInteger(folds) && folds >= 2))
    throw new InvalidArgumentError("folds", "an integer of at least 2", folds);
  if (sorted.length < folds) {
    throw new InvalidArgumentError("caseIds", `at least ${folds} training cases for ${folds} folds`, caseIds);
  }
  const order = new MersenneTwister(seed).permutation(sorted.length);
  const splits = [];
  let first = 0;
  for (let fold = 0; fold < folds; fold++) {
    const size = Math.floor(sorted.length / folds) + (fold < sorted.length % folds ? 1 : 0);
    const chosen = new Set(order.subarray(first, first + size));
    splits.push(divide(sorted, chosen));
    first += size;
  }
  return splits;
}

/**
 * The training and validation cases of one fold. A fold beyond the list is a random 80:20 division seeded by
 * 12345 + fold, "all" trains and validates on every case.
 *
 * @param splits - of {@link crossValidationSplits} or the user's `splits_final.json`
 * @param caseIds - of the dataset, any order; used beyond the list and for "all"
 * @throws {InvalidArgumentError} if `fold` is neither "all" nor a non-negative integer
 * @example splitOfFold(splits, ids, 0).val;
 * @see docs/method.md §6
 */
export function splitOfFold(splits: Splits, caseIds: readonly string[], fold: number | "all"): Splits[number] {
  const sorted = sortedCases(caseIds);
  if (fold === "all") return { train: sorted, val: sorted };
  if (!(Number.isInteger(fold) && fold >= 0))
    throw new InvalidArgumentError("fold", '"all" or an integer from 0 on', fold);
  const given = splits[fold];
  if (given) return given;
  // RandomState.choice without replacement takes the head of a permutation
  const order = new MersenneTwister(12345 + fold).permutation(sorted.length);
  return divide(sorted, new Set(order.subarray(Math.floor(sorted.length * 0.8))));
}

/**
 * No cross-validation: `count` trainings on all cases, for datasets that are too small to be divided. Their networks
 * differ by seed alone, and nothing is left to validate them on.
 *
 * @throws {InvalidArgumentError} if there is no case, a case twice, or `count` is no positive integer
 * @see paper, Supplement F.12 (CREMI: five networks on all three images)
 */
export function splitsOnAllCases(caseIds: readonly string[], count: number): Splits {
  if (!(Number.isInteger(count) && count > 0)) throw new InvalidArgumentError("count", "a positive integer", count);
  const sorted = sortedCases(caseIds);
  if (sorted.length === 0) throw new InvalidArgumentError("caseIds", "at least one case", caseIds);
  return Array.from({ length: count }, () => ({ train: sorted, val: sorted }));
}

/** Whether a fold is one of {@link splitsOnAllCases}: its scores are of cases that it was trained on. */
export function validatesOnTraining({ train, val }: Splits[number]): boolean {
  const trained = new Set(train);
  return val.length === trained.size && val.every((id) => trained.has(id));
}

/**
 * Checks a `splits_final.json`, which users may write themselves (to keep the images of a patient together, say).
 *
 * @param json - the parsed file: a list of `{ "train": [ids], "val": [ids] }`
 * @param path - named in errors
 * @param caseIds - of the dataset; every case named must be among them
 * @throws {InvalidArtifactError} naming the field: no list, an empty list, an unknown case, a case twice, or a case in
 *   both lists of a fold, unless both hold the same cases ({@link splitsOnAllCases})
 */
export function splitsFromJson(json: unknown, path: string, caseIds: readonly string[]): Splits {
  if (!Array.isArray(json) || json.length === 0) {
    throw new InvalidArtifactError(
      path,
      "",
      'expected a list of folds, each { "train": [case ids], "val": [case ids] }',
    );
  }
  const known = new Set(caseIds);
  return json.map((entry: unknown, fold) => {
    const { train, val } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<string, unknown>;
    const checked = { train: cases(train, path, `${fold}.train`, known), val: cases(val, path, `${fold}.val`, known) };
    const training = new Set(checked.train);
    const both = checked.val.find((id) => training.has(id));
    if (both !== undefined && !validatesOnTraining(checked)) {
      throw new InvalidArtifactError(path, `${fold}.val`, `case ${both} is in train too; leave it in one of them`);
    }
    return checked;
  });
}

function cases(json: unknown, path: string, field: string, known: ReadonlySet<string>): string[] {
  if (!Array.isArray(json) || !json.every((id) => typeof id === "string")) {
    throw new InvalidArtifactError(path, field, "expected a list of case ids");
  }
  if (json.length === 0) throw new InvalidArtifactError(path, field, "expected at least one case, the list is empty");
  const seen = new Set<string>();
  for (const id of json as string[]) {
    if (!known.has(id)) {
      throw new InvalidArtifactError(
        path,
        field,
        `the dataset has no training case ${id}; correct the name or remove it`,
      );
    }
    if (seen.has(id)) throw new InvalidArtifactError(path, field, `case ${id} is listed twice; remove one`);
    seen.add(id);
  }
  return [...seen];
}

function sortedCases(caseIds: readonly string[]): string[] {
  const sorted = [...caseIds].sort((a, b) => (a < b ? -1 : 1));
  const twice = sorted.find((id, i) => id === sorted[i + 1]);
  if (twice !== undefined) throw new InvalidArgumentError("caseIds", "every case once", twice);
  return sorted;
}

function divide(sorted: readonly string[], validation: ReadonlySet<number>): Splits[number] {
  return {
    train: sorted.filter((_, i) => !validation.has(i)),
    val: sorted.filter((_, i) => validation.has(i)),
  };
}
