import { InvalidArgumentError, isJsonObject } from "@nnunet/core";
import { type AugmentationParameters, augmentationParameters } from "./augmentation-parameters.ts";

/**
 * Augmentation parameters of one's own: every value of ours, of its kind. One left out would break off a training within its
 * first batch, one that is called otherwise would do nothing.
 *
 * @throws {InvalidArgumentError} naming the parameter
 */
export function checkParameters(given: unknown, argument = "augmentation"): asserts given is AugmentationParameters {
  compare(given, augmentationParameters.paper, argument);
}

const remedy = "spread `augmentationParameters.paper`, and change what you like";

function compare(given: unknown, ours: unknown, argument: string): void {
  if (isJsonObject(ours)) {
    if (!isJsonObject(given)) throw new InvalidArgumentError(argument, `an object (${remedy})`, given);
    const odd = Object.keys(given).find((key) => !Object.hasOwn(ours, key));
    if (odd !== undefined) throw new InvalidArgumentError(argument, `keys of ${Object.keys(ours).join(", ")}`, odd);
    for (const [key, value] of Object.entries(ours)) compare(given[key], value, `${argument}.${key}`);
    return;
  }
  if (typeof given !== typeof ours) throw new InvalidArgumentError(argument, `a ${typeof ours} (${remedy})`, given);
  if (typeof given !== "number") return;
  const isProbability = /probability$/i.test(argument);
  if (Number.isFinite(given) && (!isProbability || (given >= 0 && given <= 1))) return;
  throw new InvalidArgumentError(argument, isProbability ? "a probability in [0, 1]" : "a finite number", given);
}
