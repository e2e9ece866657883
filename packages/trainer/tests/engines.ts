import { createTfjsEngine, ortEngine, type TrainingEngine } from "@nnunet/trainer";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { registerGradients } from "./register-gradients.mjs";

registerGradients();
tf.enableProdMode(); // otherwise it advertises another package

/** TensorFlow.js in plain JavaScript: slow, and without anything to install. */
export const plainTfjsEngine = createTfjsEngine(async () => {
  await tf.setBackend("cpu");
  return { tf, description: "plain JavaScript" };
});

/** What a test of the engines' common promises runs on. */
export const engines: readonly TrainingEngine[] = [ortEngine, plainTfjsEngine];

/** Tensors that TensorFlow.js holds now. */
export const heldTensors = (): number => tf.memory().numTensors;

export { tf };
