import { parentPort, workerData } from "node:worker_threads";
import type { NnunetEvent } from "@nnunet/core";
import { embeddedContext, predictInput } from "../embedding/predict-input.ts";
import type { Prediction } from "../embedding/embedded-predictor.ts";
import type { FromPredictor, PredictorWorkerData, ToPredictor } from "../embedding/prediction-messages.ts";
import { type LoadedPredictor, loadPredictor } from "../prediction/load-predictor.ts";
import { carry } from "./carry-error.ts";

/** Entry of the thread of an embedded predictor: loads it, and predicts one image after the other as it is told. */
const { source, how } = workerData as PredictorWorkerData;
const port = parentPort!;
const say = (message: FromPredictor, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, transfer);

const { path, folds, configuration, device, threads } = source;
let predictor: LoadedPredictor | undefined;
const answer = await carry(async () => {
  predictor = await loadPredictor(path, {
    folds,
    configuration,
    ...(device && { device }),
    ...(threads && { threads }),
  });
  return predictor.metadata;
});
say({ type: "loaded", answer });

let running: { readonly call: number; readonly controller: AbortController; readonly done: Promise<void> } | undefined;

port.on("message", async (message: ToPredictor) => {
  if (message.type === "dispose") {
    running?.controller.abort();
    await running?.done; // a network in use must not go
    await predictor?.dispose();
    say({ type: "disposed" });
    port.close();
  } else if (message.type === "cancel") {
    if (running?.call === message.call) running.controller.abort();
  } else {
    const controller = new AbortController();
    const done = predict(message, controller.signal).then((answer) => {
      running = undefined;
      const voxels = "result" in answer ? [answer.result.segmentation.data.buffer as ArrayBuffer] : [];
      say({ type: "done", call: message.call, answer }, voxels);
    });
    running = { call: message.call, controller, done };
  }
});

function predict({ call, input, choice }: Extract<ToPredictor, { type: "predict" }>, signal: AbortSignal) {
  const fractionOf = overPasses(predictor!);
  const onEvent = (event: NnunetEvent) => {
    say({ type: "event", call, event });
    if (event.type === "progress") say({ type: "progress", call, fraction: fractionOf(event) });
  };
  return carry<Prediction>(() =>
    predictInput(embeddedContext, predictor!, input, { ...how, ...choice }, { signal, onEvent }),
  );
}

/** Every member, and the first network of a cascade before it, goes once over the image. */
function overPasses({
  members,
}: LoadedPredictor): (progress: { readonly done: number; readonly total: number }) => number {
  const passes = members.reduce((sum, { previous }) => sum + (previous ? 2 : 1), 0);
  let [passed, last] = [0, 0];
  return ({ done, total }) => {
    if (done <= last) passed++;
    last = done;
    return Math.min(1, (passed + done / total) / passes);
  };
}
