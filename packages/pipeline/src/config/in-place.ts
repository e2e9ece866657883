import type { Augmentation } from "@nnunet/augment";
import { InvalidArgumentError } from "@nnunet/core";

/**
 * The augmentation, refused where what it does would be lost in silence. It changes the arrays of a patch; another patch that
 * it returns, or other arrays that it puts in the place of these, nobody would look at.
 *
 * @throws {InvalidArgumentError} (from `augment`) if something else than the patch is returned
 * @throws {TypeError} (from `augment`) if something is put in the place of the patch's arrays or its shape
 */
export function inPlace(augmentation: Augmentation): Augmentation {
  const { name, version, module, after } = augmentation;
  return {
    name,
    ...(version !== undefined && { version }),
    ...(module !== undefined && { module }),
    ...(after !== undefined && { after }),
    augment({ data, seg, shape }, random) {
      const patch = Object.freeze({ data, seg, shape: Object.freeze([...shape] as const) });
      const result: unknown = augmentation.augment(patch, random);
      // `=> data.reverse()` is the patch; a number or a truth value is by the way; a promise is refused with its own words
      const isByTheWay = typeof result !== "object" || result === null || [data, seg, patch].includes(result as never);
      if (isByTheWay || "then" in result) return result as undefined;
      const expected = "an augment() that changes the arrays of the patch in place; what it returns is used by nobody";
      throw new InvalidArgumentError(`augmentation ${name}`, expected, result);
    },
  };
}
