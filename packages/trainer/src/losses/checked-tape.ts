import { InvalidArgumentError } from "@nnunet/core";
import type { Tape, Value } from "./tape.ts";

type Operation = keyof Tape;

/** Operations whose first so many arguments are values, and whether labels (int32) may be among them. */
const operations: Readonly<Record<Operation, { readonly values: number; readonly labels?: "taken" | "kept" }>> = {
  scalar: { values: 0 },
  floats: { values: 0 },
  integer: { values: 0 },
  integers: { values: 0 },
  add: { values: 2 },
  subtract: { values: 2 },
  multiply: { values: 2 },
  divide: { values: 2 },
  sqrt: { values: 1 },
  exp: { values: 1 },
  log: { values: 1 },
  softplus: { values: 1 },
  sigmoid: { values: 1 },
  atLeast: { values: 1 },
  atMost: { values: 1 },
  sum: { values: 1 },
  mean: { values: 1 },
  reshape: { values: 1, labels: "kept" },
  constantMax: { values: 1 },
  constantLargest: { values: 1 },
  argMax: { values: 1 },
  equal: { values: 2, labels: "taken" },
  notEqual: { values: 2, labels: "taken" },
  greater: { values: 2, labels: "taken" },
  firstChannel: { values: 1, labels: "kept" },
};
const makeLabels: readonly Operation[] = ["integer", "integers", "argMax"];
/** Through these no gradient flows. */
const constants: readonly Operation[] = [
  "constantMax",
  "constantLargest",
  "argMax",
  "equal",
  "notEqual",
  "greater",
  "firstChannel",
];

/**
 * The tape for a loss, which says in a sentence what a loss must not do: ask for an operation that there is not, hand a number
 * where a value belongs, or compute with labels. The engines would say it in words of their own, or one of them would do it.
 *
 * @param target - of int32
 * @returns also whether a value has a gradient by the logits
 * @throws {InvalidArgumentError} (from its operations)
 */
export function checkedTape<V extends Value>(
  tape: Tape<V>,
  logits: V,
  target: V,
): { readonly checked: Tape<V>; readonly dependsOnLogits: (value: V) => boolean } {
  const whole = new WeakSet<object>([target]);
  const moved = new WeakSet<object>([logits]);
  const operation = (name: Operation) => {
    const { values, labels: may } = operations[name];
    const run = (tape[name] as (...given: readonly unknown[]) => V).bind(tape);
    return (...given: readonly unknown[]): V => {
      const taken = given.slice(0, values);
      if (taken.length < values || !taken.every(isValue)) {
        const expected = "values of the tape (a number is tape.scalar(…), a label tape.integer(…))";
        throw new InvalidArgumentError(
          `loss, tape.${name}`,
          expected,
          given.slice(0, values).find((x) => !isValue(x)),
        );
      }
      const ofLabels = taken.some((value) => whole.has(value as object));
      if (ofLabels && may === undefined) {
        const expected = "float values; labels are compared first: tape.equal(target, tape.integer(1)) is 0 or 1";
        throw new InvalidArgumentError(`loss, tape.${name}`, expected, "labels");
      }
      const result = run(...given);
      if (makeLabels.includes(name) || (ofLabels && may === "kept")) whole.add(result);
      if (!constants.includes(name) && taken.some((value) => moved.has(value as object))) moved.add(result);
      return result;
    };
  };
  const known = Object.keys(operations);
  const proxy = new Proxy({} as Tape<V>, {
    get(_, name) {
      if (typeof name === "string" && known.includes(name)) return operation(name as Operation);
      throw new InvalidArgumentError("loss", `an operation of the tape: ${known.join(", ")}`, String(name));
    },
  });
  return { checked: proxy, dependsOnLogits: (value) => moved.has(value) };
}

const isValue = (given: unknown) => typeof given === "object" && given !== null && "shape" in given;
