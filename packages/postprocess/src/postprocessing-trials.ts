import { meanOfDefined } from "@nnunet/core";
import type { Postprocessing } from "./postprocessing.ts";

/** One thing that was tried on the validation cases, in words. */
export interface PostprocessingTrial {
  /** "the largest component of anterior + posterior alone" */
  readonly what: string;
  /** Mean Dice over the labels before and after it, on top of what was adopted until then. */
  readonly before: number;
  readonly after: number;
  readonly adopted: boolean;
}

/**
 * What was tried, in order.
 *
 * @param names - of labels and regions by their keys in metrics: "1", "(1, 2)"
 * @example postprocessingTrials(found, new Map([["1", "anterior"]]))[0].what; // "the largest component of anterior alone"
 */
export function postprocessingTrials(
  { decisions }: Pick<Postprocessing, "decisions">,
  names: ReadonlyMap<string, string>,
): PostprocessingTrial[] {
  return decisions.map(({ group, before, after, adopted }) => {
    const apart = group.map((id) => names.get(String(id)) ?? `label ${id}`).join(" + ");
    return {
      what: `the largest component of ${names.get(`(${group.join(", ")})`) ?? apart} alone`,
      before: meanOfDefined(Object.values(before)),
      after: meanOfDefined(Object.values(after)),
      adopted,
    };
  });
}
