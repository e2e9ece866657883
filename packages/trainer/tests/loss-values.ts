import { type Loss, OnnxTape, TensorTape } from "@nnunet/trainer";
import { OnnxGraph } from "@nnunet/unet-model";
import * as ort from "onnxruntime-node";
import { tf } from "./engines.ts";

export interface LossInput {
  readonly logits: readonly number[];
  /** Of the logits, [n, class, (z,) y, x]. */
  readonly shape: readonly number[];
  readonly target: readonly number[];
  /** Of the target. */
  readonly channels: number;
}

export interface LossValue {
  readonly loss: number;
  /** By the logits. */
  readonly gradient: Float32Array;
}

/** A loss and its gradient by the tape of the engine "ort". */
export async function lossOnOnnxruntime(
  loss: Loss,
  { logits, shape, target, channels }: LossInput,
): Promise<LossValue> {
  const onnx = new OnnxGraph("loss");
  const tape = new OnnxTape(onnx);
  const input = tape.input("logits", shape, { differentiable: true });
  const targetShape = [shape[0]!, channels, ...shape.slice(2)];
  const value = loss(tape, input, tape.input("target", targetShape, { type: "int32" }));
  const [gradient] = tape.gradients(value, [input]);
  onnx.node("Identity", [value.name], {}, "loss");
  onnx.node("Identity", [gradient!], {}, "gradient");
  onnx.output("loss", "float32", []);
  onnx.output("gradient", "float32", shape);
  const session = await ort.InferenceSession.create(onnx.encode(), { logSeverityLevel: 3 });
  const feeds: Record<string, ort.Tensor> = { logits: new ort.Tensor("float32", Float32Array.from(logits), shape) };
  // an input that a loss does not read is dropped from the graph
  if (session.inputNames.includes("target"))
    feeds["target"] = new ort.Tensor("int32", Int32Array.from(target), targetShape);
  const results = await session.run(feeds);
  await session.release();
  return {
    loss: Number((results["loss"]!.data as Float32Array)[0]),
    gradient: results["gradient"]!.data as Float32Array,
  };
}

/** The same by the tape of the engine "tfjs", on TensorFlow.js's plain JavaScript. */
export async function lossOnTensorflow(loss: Loss, { logits, shape, target, channels }: LossInput): Promise<LossValue> {
  await tf.setBackend("cpu");
  return tf.tidy(() => {
    const tape = new TensorTape(tf);
    const truth = tf.tensor([...target], [shape[0]!, channels, ...shape.slice(2)], "int32");
    const lossOf = tf.valueAndGrad((x) => loss(tape, x, truth));
    const { value, grad } = lossOf(tf.tensor([...logits], [...shape], "float32"));
    return { loss: value.dataSync()[0]!, gradient: Float32Array.from(grad.dataSync()) };
  });
}
