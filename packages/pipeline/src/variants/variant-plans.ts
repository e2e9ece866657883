import { type Configuration, InvalidArgumentError, type Plans, type PlansVariant } from "@nnunet/core";
import { preprocessedHash } from "@nnunet/preprocess";

/*
 * A variant is a plan of its own, `nnUNetPaperPlans_adam`: whatever is called after the plan (trainings, ensembles, final
 * predictor, report) lies apart from the rule set's own, and Python nnU-Net finds its way about in it. Plan and recipe of the
 * trainings are written into it, so that the name alone brings them back.
 */

/** Parts of a name of plans and folders are joined by `__`. */
const form = /^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$/;

/**
 * A plan as a variant: under its own name, with what was asked for in it, and on the data of the plan that it is a variant of
 * wherever these are preprocessed alike.
 *
 * @param original - of the same rule set, as it is without the variant
 * @throws {InvalidArgumentError} if the name is none
 * @example asVariant(plans, original, { name: "adam", planner: {}, training }).plansName; // "nnUNetPaperPlans_adam"
 */
export function asVariant(plans: Plans, original: Plans, variant: PlansVariant): Plans {
  if (!form.test(variant.name)) {
    const expected = "a name of letters and digits, in parts joined by - or _ if need be";
    throw new InvalidArgumentError("variant", expected, variant.name);
  }
  const plansName = `${plans.plansName}_${variant.name}`;
  const dataOf = (name: string, { dataIdentifier }: Configuration): string => {
    const shared = original.configurations[name];
    const isAlike = shared && preprocessedHash("", plans, name) === preprocessedHash("", original, name);
    if (isAlike) return shared.dataIdentifier;
    const { plansName: before } = plans;
    const rest = dataIdentifier.startsWith(before) ? dataIdentifier.slice(before.length) : `_${name}`;
    return `${plansName}${rest}`;
  };
  const configurations = Object.fromEntries(
    Object.entries(plans.configurations).map(([name, configuration]) => [
      name,
      { ...configuration, dataIdentifier: dataOf(name, configuration) },
    ]),
  );
  return { ...plans, plansName, configurations, variant };
}

/** Plans of rule sets among the names of files, and plans of variants. A copy of an edited plan, `.edited.json`, is none. */
export function plansAmong(files: readonly string[]): { readonly own: string[]; readonly variants: string[] } {
  const names = (pattern: RegExp) => files.flatMap((file) => pattern.exec(file)?.[1] ?? []).sort();
  return { own: names(/^(.*Plans)\.json$/), variants: names(/^([^.]*Plans_[^.]+)\.json$/) };
}
