import { parentPort, workerData } from "node:worker_threads";
import { FileError, type NnunetEvent } from "@nnunet/core";
import { defaultPredictor } from "@nnunet/inference";
import { type LoadedPredictor, loadPredictor } from "../prediction/load-predictor.ts";
import { predictorHash } from "../prediction/prediction-record.ts";
import { type CaseTask, segmentCase } from "../prediction/segment-case.ts";
import type { CaseThreadData, FromCaseThread, ToCaseThread } from "../prediction/thread-messages.ts";
import { carry } from "./carry-error.ts";
import { stageInWorker } from "./stage-place.ts";

/** Entry of a thread that predicts one case after the other as it is told, with networks of its own. */
const { from, hash, stage } = workerData as CaseThreadData;
const port = parentPort!;
const say = (message: FromCaseThread) => port.postMessage(message);

let predictor: LoadedPredictor | undefined;
let controller = new AbortController();
let work: Promise<void> = Promise.resolve();

port.on("message", (message: ToCaseThread) => {
  if (message.type === "cancel") controller.abort();
  else if (message.type === "segment") {
    controller = new AbortController();
    work = segment(message.task, controller.signal);
  } else work = work.then(close);
});

async function segment(task: CaseTask, signal: AbortSignal): Promise<void> {
  const onWarning = (event: NnunetEvent) => say({ type: "event", event });
  const answer = await carry(async () => {
    predictor ??= await load();
    const stages = { predictor: await stageInWorker(stage, defaultPredictor) };
    await segmentCase({ stages }, predictor, task, { onWarning, signal });
  });
  say({ type: "done", answer });
}

/** @throws {FileError} if the files are not those that the main thread has loaded */
async function load(): Promise<LoadedPredictor> {
  const { path, ...options } = from;
  const loaded = await loadPredictor(path, options);
  if (predictorHash(loaded) === hash) return loaded;
  await loaded.dispose();
  throw new FileError([path].flat()[0]!, "was replaced while images were being predicted; predict the others again");
}

async function close(): Promise<void> {
  await predictor?.dispose(); // a network must be gone before its thread is
  port.close();
}
