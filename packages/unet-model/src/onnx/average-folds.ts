import type { OnnxGraph } from "./onnx-graph.ts";

/** What is averaged over folds: the logits themselves, or probabilities by softmax (classes) or sigmoid (regions). */
export type FoldAverage = "logits" | "softmax" | "sigmoid";

/** Adds `logits` of the mean of several folds; where probabilities are averaged, those whose probabilities are the mean. */
export function averageFolds(onnx: OnnxGraph, logits: readonly string[], average: FoldAverage): void {
  const mean = (values: readonly string[], output?: string) =>
    onnx.node("Div", [onnx.node("Sum", values), onnx.scalar(values.length)], {}, output);
  if (average === "logits") {
    mean(logits, "logits");
    return;
  }
  // the floor keeps the logarithm finite; a probability below 1e-30 decides nothing
  const log = (p: string, output?: string) => onnx.node("Log", [onnx.node("Max", [p, onnx.scalar(1e-30)])], {}, output);
  if (average === "sigmoid") {
    // the logit of the mean is log p − log(1 − p)
    const p = mean(logits.map((l) => onnx.node("Sigmoid", [l])));
    onnx.node("Sub", [log(p), log(onnx.node("Sub", [onnx.scalar(1), p]))], {}, "logits");
    return;
  }
  log(mean(logits.map((l) => onnx.node("Softmax", [l], { axis: 1 }))), "logits");
}
