import { InvalidArgumentError, MersenneTwister, type Splits } from "@nnunet/core";
import { crossValidationSplits } from "./splits.ts";

/**
 * Splits for cases that belong together: the images of a patient, or annotations of one image. A group is never divided;
 * the largest groups are dealt first, each to the fold that has the fewest cases, groups of one size in an order drawn by
 * the seed. Where every group is one case, these are nnU-Net's splits.
 *
 * @param groupOf - of each case; any order of cases gives the same splits
 * @throws {InvalidArgumentError} if there are fewer groups than folds
 * @example groupedSplits(new Map([["a1", "a"], ["a2", "a"], ["b1", "b"]]), 2)[0].val; // ["a1", "a2"]
 * @see paper, Supplement C.1 and F.8 (ACDC, MSLesion): patients are kept apart by hand
 */
export function groupedSplits(groupOf: ReadonlyMap<string, string>, folds = 5, seed = 12345): Splits {
  const cases = [...groupOf.keys()].sort((a, b) => (a < b ? -1 : 1));
  const groups = new Map<string, string[]>();
  for (const id of cases) {
    const name = groupOf.get(id)!;
    groups.set(name, [...(groups.get(name) ?? []), id]);
  }
  if (groups.size === cases.length) return crossValidationSplits(cases, folds, seed);
  if (groups.size < folds) {
    throw new InvalidArgumentError("groupOf", `at least ${folds} groups for ${folds} folds`, [...groups.keys()]);
  }
  const members = [...groups.values()];
  const drawn = [...new MersenneTwister(seed).permutation(members.length)].map((index) => members[index]!);
  const validation: string[][] = Array.from({ length: folds }, () => []);
  // sort is stable: within a size the drawn order stays
  for (const group of drawn.sort((a, b) => b.length - a.length)) {
    const fewest = Math.min(...validation.map(({ length }) => length));
    validation.find(({ length }) => length === fewest)!.push(...group);
  }
  return validation.map((val) => {
    const held = new Set(val);
    return { train: cases.filter((id) => !held.has(id)), val: cases.filter((id) => held.has(id)) };
  });
}

/**
 * A group that splits tear apart, so that a network is validated on what it has seen in another image.
 *
 * @returns undefined if every group is whole in every fold
 */
export function dividedGroup(
  splits: Splits,
  groupOf: ReadonlyMap<string, string>,
):
  | { readonly group: string; readonly fold: number; readonly cases: readonly [train: string, val: string] }
  | undefined {
  for (const [fold, { train, val }] of splits.entries()) {
    const trained = new Map(train.map((id) => [groupOf.get(id), id]));
    for (const id of val) {
      const group = groupOf.get(id);
      const other = group === undefined ? undefined : trained.get(group);
      if (other !== undefined && other !== id) return { group: group!, fold, cases: [other, id] };
    }
  }
  return undefined;
}
