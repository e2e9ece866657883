import { completeTrainingSettings, type TrainingSettings } from "@nnunet/trainer";
import { InvalidArgumentError } from "commander";

/**
 * An optimiser as the command line has it: its name, then options that are numbers.
 *
 * @throws {InvalidArgumentError} of commander, which puts the option in front
 * @example optimiser("adam,momentum=0.8"); // { name: "adam", momentum: 0.8, secondMomentum: 0.999, … }
 */
export function optimiser(text: string): TrainingSettings["optimiser"] {
  const [name, ...given] = text.split(",");
  const values = given.map((part) => {
    const [key, value, ...more] = part.split("=");
    if (!key || !value || more.length > 0) {
      throw new InvalidArgumentError(`Expected option=value after the name, got "${part}".`);
    }
    return [key, Number(value)] as const;
  });
  try {
    const asked = { name, ...Object.fromEntries(values) } as TrainingSettings["optimiser"];
    return completeTrainingSettings({ optimiser: asked }).optimiser;
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
