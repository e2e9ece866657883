import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { loadModel, onnxRuntimeSessions } from "@nnunet/inference";
import * as runtime from "onnxruntime-node";
import { pointwise, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";
import { tinyOnnx } from "./tiny-onnx.ts";

const metadata = tinyMetadata([4, 4, 4]);
const network = pointwise([[1], [2], [3]], [0.5, 0, 0], 3);
const bytes = tinyModelBytes(metadata, network, 3);

test("from bytes: metadata as written, and the network runs on any number of patches", async () => {
  const model = await loadModel(bytes);
  expect(model.metadata).toEqual({ ...metadata, weightsSha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  const { data, shape } = await model.run(new Float32Array(128).fill(2), [2, 1, 4, 4, 4]);
  expect(shape).toEqual([2, 3, 4, 4, 4]);
  expect([data[0], data[64], data[128], data[192]]).toEqual([2.5, 4, 6, 2.5]);
  await model.dispose();
});

test("from a file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "nnunet-inference-"));
  try {
    const path = join(folder, "model.onnx");
    writeFileSync(path, bytes);
    const model = await loadModel(path, { threads: 1 });
    expect(model.metadata.configuration).toBe("tiny");
    await model.dispose();
    await expect(loadModel(join(folder, "none.onnx"))).rejects.toThrow(
      `${join(folder, "none.onnx")}: could not be read: no such file or folder`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what onnxruntime refuses is told in its words, without its source files and signatures", async () => {
  const later = Uint8Array.from(bytes);
  expect(later[0]).toBe(8); // the version of ONNX's form
  later[1] = 99;
  await expect(loadModel(later)).rejects.toThrow(
    /^model\.onnx: onnxruntime refuses it \(Unsupported model IR version: 99, max supported IR version: \d+\); export it again$/,
  );
});

test("a number of threads that would keep a machine busy with starting them is refused", async () => {
  for (const threads of [0, 1.5, 100_000]) {
    await expect(loadModel(bytes, { threads })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      message: `threads: expected a whole number from 1 to 256, got ${threads}`,
    });
  }
});

test("with another onnxruntime handed in", async () => {
  const model = await loadModel(bytes, { createSession: onnxRuntimeSessions(runtime, { cpu: "cpu" }) });
  expect((await model.run(new Float32Array(64), [1, 1, 4, 4, 4])).data[0]).toBe(0.5);
  await model.dispose();
  await expect(
    loadModel(bytes, { device: "cuda", createSession: onnxRuntimeSessions(runtime, { cpu: "cpu" }) }),
  ).rejects.toThrow("device cuda is not supported; this installation of onnxruntime offers: cpu");
});

test("a GPU that is not there is an error, never the CPU in silence", async () => {
  const install = {
    cuda: 'install onnxruntime\'s CUDA files \\(Linux, CUDA 12, cuDNN 9\\): ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install\\.js \\(for CUDA 13 see README\\.md, "CPU, GPU"\\)',
    webgpu: "install its driver and libraries",
  };
  for (const device of ["cuda", "webgpu"] as const) {
    const outcome = await loadModel(bytes, { device }).then(
      (model) => model.dispose().then(() => "runs"), // a machine with the GPU; see gpu.device.test.ts
      (error: Error) => error.message,
    );
    expect(outcome).toMatch(
      new RegExp(
        `^runs$|^device ${device} \\(.+\\) is not supported; ${install[device]}, or choose the device cpu$`,
        "s",
      ),
    );
  }
  // the CPU cannot stand in for a GPU: asked to run nothing on the CPU provider, onnxruntime refuses
  const cpuInDisguise = onnxRuntimeSessions(runtime, { cuda: "cpu" });
  await expect(loadModel(bytes, { device: "cuda", createSession: cpuInDisguise })).rejects.toThrow(
    /^device cuda \(.*\) is not supported; it lacks an operator of the network; allow cpuOperators, or choose the device cpu$/s,
  );
  const allowed = await loadModel(bytes, { device: "cuda", cpuOperators: true, createSession: cpuInDisguise });
  await allowed.dispose();
});

test("refuses what it cannot predict with, in one sentence", async () => {
  const shapes = { inputShape: ["n", 1, 4, 4, 4], outputShape: ["n", 3, 4, 4, 4] };
  await expect(loadModel(tinyOnnx({ ...network, ...shapes }))).rejects.toThrow(
    "model.onnx → nnunet.plans: is missing from the model's metadata; only models exported by nnunet-ts carry their plans",
  );
  await expect(loadModel(bytes.subarray(0, bytes.length - 9))).rejects.toThrow(
    "model.onnx: not a whole ONNX file (it is cut off or damaged); export or copy it again",
  );
  await expect(loadModel(tinyModelBytes(metadata, { ...network, externalWeight: "b" }, 3))).rejects.toThrow(
    "model.onnx → graph.initializer.b: the weights lie in a file of their own; export the model with its weights inside",
  );
  const unknown = { ...network, nodes: [{ op: "Nonsense", inputs: ["input"], output: "logits" }] };
  await expect(loadModel(tinyModelBytes(metadata, unknown, 3))).rejects.toThrow(
    /^model\.onnx → graph\.node\[0\]: the operator "Nonsense" is not run; a network is made of Conv, .*; export the model again$/,
  );
  const fixedBatch = { ...network, inputShape: [1, 1, 4, 4, 4] };
  await expect(loadModel(tinyModelBytes(metadata, fixedBatch, 3))).rejects.toThrow(
    "model.onnx → input: expected a tensor of shape [n, 1, 4, 4, 4] as plans and dataset say, got [1, 1, 4, 4, 4]; export the model again",
  );
  const flat = tinyMetadata([4, 4], { mirrorAxes: [2] });
  await expect(loadModel(tinyModelBytes(flat, pointwise([[1], [2], [3]], [0, 0, 0], 2), 3))).rejects.toThrow(
    "model.onnx → nnunet.mirror_axes: names axis 2, but the patch has only 2 axes; export the model again",
  );
  const twoClasses = pointwise([[1], [2]], [0, 0], 3);
  await expect(loadModel(tinyModelBytes(metadata, twoClasses, 2))).rejects.toThrow(
    "model.onnx → logits: expected a tensor of shape [n, 3, 4, 4, 4] as plans and dataset say, got [n, 2, 4, 4, 4]; export the model again",
  );
});

test("what a runtime throws or returns in the middle of a run is one sentence, too", async () => {
  const session = (run: () => Promise<never>) => async () => ({
    inputs: [{ name: "input", shape: ["n", 1, 4, 4, 4] }],
    outputs: [{ name: "logits", shape: ["n", 3, 4, 4, 4] }],
    run,
    release: async () => {},
  });
  const throwing = await loadModel(bytes, { createSession: session(() => Promise.reject(new Error("out of arena"))) });
  await expect(throwing.run(new Float32Array(64), [1, 1, 4, 4, 4])).rejects.toThrow(
    "model.onnx: onnxruntime stopped in the middle of it: out of arena; export the model again",
  );
  const integers = { data: new BigInt64Array(192), shape: [1, 3, 4, 4, 4] } as never;
  const counting = await loadModel(bytes, { createSession: session(async () => integers) });
  await expect(counting.run(new Float32Array(64), [1, 1, 4, 4, 4])).rejects.toThrow(
    "model.onnx → logits: expected float32, got BigInt64Array(192); export the model again",
  );
});
