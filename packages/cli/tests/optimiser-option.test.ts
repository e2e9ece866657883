import { expect, test } from "@jest/globals";
import { InvalidArgumentError } from "commander";
import { optimiser } from "../src/options/optimiser-option.ts";

test.each([
  ["sgd", { name: "sgd", momentum: 0.99, weightDecay: 3e-5, clipNorm: 12 }],
  ["sgd,momentum=0.9", { name: "sgd", momentum: 0.9, weightDecay: 3e-5, clipNorm: 12 }],
  [
    "adam,weightDecay=0,epsilon=1e-6",
    { name: "adam", momentum: 0.9, secondMomentum: 0.999, epsilon: 1e-6, weightDecay: 0, clipNorm: 12 },
  ],
])("--optimiser %s", (text, expected) => {
  expect(optimiser(text)).toEqual(expected);
});

test.each([
  ["lion", 'optimiser.name: expected "sgd" or "adam", by its name, got "lion".'],
  ["", 'optimiser.name: expected "sgd" or "adam", by its name, got "".'],
  ["sgd,momentum", 'Expected option=value after the name, got "momentum".'],
  ["sgd,momentum=0.9=1", 'Expected option=value after the name, got "momentum=0.9=1".'],
  ["sgd,momentum=fast", "optimiser.momentum: expected a number in [0, 1), got NaN."],
  ["adam,momentum=2", "optimiser.momentum: expected a number in [0, 1), got 2."],
  ["sgd,epsilon=1", 'optimiser: expected of sgd: momentum, weightDecay, clipNorm, got "epsilon".'],
  ["sgd,__proto__=1", 'optimiser: expected of sgd: momentum, weightDecay, clipNorm, got "__proto__".'],
])("--optimiser %j is an error of the command line", (text, message) => {
  expect(() => optimiser(text)).toThrow(InvalidArgumentError);
  expect(() => optimiser(text)).toThrow(message);
});
