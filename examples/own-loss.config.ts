/** A loss of one's own: the Brier score. Written in the operations of a tape, it trains in every engine. */
import { defineConfig } from "@nnunet/pipeline";

export default defineConfig({
  loss: {
    name: "brier",
    create:
      ({ regions }) =>
      (tape, logits, target) => {
        const classes = Array.from({ length: logits.shape[1]! }, (_, c) => c);
        const ids = tape.integers(classes, [1, classes.length, ...target.shape.slice(2).map(() => 1)]);
        const truth = tape.equal(target, regions ? tape.integer(1) : ids);
        const error = tape.subtract(tape.sigmoid(logits), truth);
        return tape.mean(tape.multiply(error, error));
      },
  },
});
