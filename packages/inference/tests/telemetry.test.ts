import { expect, test } from "@jest/globals";
import { runQuietly } from "./quiet-process.ts";
import { pointwise, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

const metadata = tinyMetadata([4, 4, 4]);
const model = tinyModelBytes(metadata, pointwise([[1], [2], [3]], [0.5, 0, 0], 3), 3);

const predict = `
  const { loadModel } = await import("@nnunet/inference");
  const model = await loadModel(process.argv[2] + "/model.onnx");
  const { data } = await model.run(new Float32Array(64).fill(2), [1, 1, 4, 4, 4]);
  console.log(data[0]);`;

test("a prediction by @nnunet/inference alone leaves nothing below HOME, looks up no name, opens no connection", () => {
  const { stdout, madeBelowHome, network } = runQuietly(predict, { "model.onnx": model });
  expect(stdout).toBe("2.5\n");
  expect(madeBelowHome).toEqual([]);
  expect(network ?? []).toEqual([]);
});

test("neither does one with an onnxruntime-node that the caller has loaded", () => {
  const { stdout, madeBelowHome, network } = runQuietly(
    `
    const runtime = await import("onnxruntime-node");
    const { loadModel, onnxRuntimeSessions } = await import("@nnunet/inference");
    const createSession = onnxRuntimeSessions(runtime);
    const model = await loadModel(process.argv[2] + "/model.onnx", { createSession });
    console.log((await model.run(new Float32Array(64).fill(2), [1, 1, 4, 4, 4])).data[0]);`,
    { "model.onnx": model },
  );
  expect(stdout).toBe("2.5\n");
  expect(madeBelowHome).toEqual([]);
  expect(network ?? []).toEqual([]);
});

/** Predicts in a worker thread, and prints what came of it. */
const inWorker = (before: string, options: string) => `
  import { Worker } from "node:worker_threads";
  ${before}
  const source = \`
    import { workerData } from "node:worker_threads";
    const { loadModel } = await import("@nnunet/inference");
    const ran = loadModel(workerData + "/model.onnx").then((model) => model.run(new Float32Array(64).fill(2), [1, 1, 4, 4, 4]));
    await ran.then(({ data }) => console.log(data[0]), (error) => console.log(error.message));\`;
  const worker = new Worker(source, { eval: true, workerData: process.argv[2] ${options} });
  await new Promise((resolve) => worker.on("exit", resolve));`;

test.each([
  ["", ""],
  // what a thread's own environment says is not what the native library sees
  [", also where only the thread's own environment is set", ', env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" }'],
])("in a worker thread it refuses to run a network while the process has telemetry on%s", (_, options) => {
  const { stdout, madeBelowHome } = runQuietly(inWorker("", options), { "model.onnx": model });
  expect(stdout).toBe(
    "onnxruntime in a worker thread whose process has not switched its telemetry off is not supported; " +
      'set process.env.ORT_DISABLE_TELEMETRY = "1" in the main thread before this thread uses a network\n',
  );
  expect(madeBelowHome).toEqual([]);
});

test("in a worker thread it runs once the main thread has switched telemetry off", () => {
  const traces = runQuietly(inWorker('process.env.ORT_DISABLE_TELEMETRY = "1";', ""), { "model.onnx": model });
  expect(traces.stdout).toBe("2.5\n");
  expect(traces.madeBelowHome).toEqual([]);
  expect(traces.network ?? []).toEqual([]);
});
