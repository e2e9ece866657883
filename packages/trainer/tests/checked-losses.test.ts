import { describe, expect, test } from "@jest/globals";
import { createRandom } from "@nnunet/core";
import { type Loss, sgd } from "@nnunet/trainer";
import { buildNetwork, initialiseWeights } from "@nnunet/unet-model";
import { engines } from "./engines.ts";
import { twoStages } from "./two-stages.ts";

const graph = buildNetwork(twoStages(), { inputChannels: 1, outputChannels: 2, patchSize: [8, 8] });
const batch = {
  data: new Float32Array(64),
  shape: [1, 1, 8, 8],
  targets: [{ data: new Int32Array(64), shape: [1, 1, 8, 8] }],
  caseIds: ["a"],
};

describe.each(engines.map((engine) => [engine.name, engine] as const))("%s: a loss of one's own", (_, engine) => {
  const train = async (loss: Loss) => {
    const options = { batchSize: 1, loss, outputWeights: [1], optimiser: sgd() };
    const session = await engine.compile(graph, initialiseWeights(graph, createRandom(0)), options);
    return session.step(batch, 0.01).finally(() => session.dispose());
  };

  test.each<[string, Loss, string]>([
    [
      "computes with labels",
      (tape, l, g) => tape.mean(tape.multiply(l, g)),
      "loss, tape.multiply: expected float values; labels are compared first",
    ],
    ["sums labels", (tape, _l, g) => tape.sum(tape.reshape(g, [64])), "loss, tape.sum: expected float values"],
    [
      "adds a number",
      (tape, l) => tape.add(tape.mean(l), 1 as never),
      "loss, tape.add: expected values of the tape (a number is tape.scalar(…), a label tape.integer(…)), got 1",
    ],
    [
      "gives too few",
      (tape, l) => tape.mean((tape.multiply as (x: typeof l) => typeof l)(l)),
      "loss, tape.multiply: expected values of",
    ],
    [
      "asks for softmax",
      (tape, l) => (tape as unknown as { softmax(x: typeof l): typeof l }).softmax(l),
      "loss: expected an operation of the tape: scalar, floats, ",
    ],
    [
      "looks at the target alone",
      (tape, _l, g) => tape.mean(tape.equal(g, tape.integer(0))),
      "loss: expected a value that the logits change",
    ],
    [
      "looks at maxima alone",
      (tape, l) => tape.mean(tape.constantMax(l, 1)),
      "loss: expected a value that the logits change",
    ],
  ])("that %s is refused in a sentence", async (_what, loss, message) => {
    await expect(train(loss)).rejects.toThrow(message);
  });

  test("that compares labels, and reshapes them before, trains", async () => {
    const { loss } = await train((tape, l, g) => {
      const truth = tape.equal(tape.reshape(g, [1, 1, 64]), tape.integer(0));
      const logits = tape.reshape(l, [1, 2, 64]);
      const distance = tape.subtract(logits, truth);
      return tape.mean(tape.multiply(distance, distance));
    });
    expect(loss).toBeGreaterThan(0);
  });
});
