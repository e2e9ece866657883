/**
 * The ways to a convolution's weight gradient, side by side over layers that networks have: wall and CPU milliseconds
 * (best of several), and gigaflops per second. Decides the choice in src/ort/weight-gradient.ts.
 *
 *   node packages/trainer/bench/weight-gradient.bench.mjs [threads]      (after npm run build)
 */
import { switchOffTelemetry } from "@nnunet/core/node";
import { OnnxGraph } from "@nnunet/unet-model";
import { gatheredWeightGradient, planeWeightGradient } from "../dist/ort/weight-gradient.js";

switchOffTelemetry();
const ort = await import("onnxruntime-node");
const intraOpNumThreads = Number(process.argv[2] ?? 2);
const ways = { plane: planeWeightGradient, gathered: gatheredWeightGradient };
const layers = [
  [1, 16, [40, 56, 40]],
  [16, 16, [40, 56, 40]],
  [32, 16, [40, 56, 40]],
  [32, 32, [40, 56, 40]],
  [64, 32, [40, 56, 40]],
  [32, 32, [20, 28, 20]],
  [64, 64, [20, 28, 20]],
  [128, 64, [20, 28, 20]],
  [64, 64, [10, 14, 10]],
  [128, 128, [10, 14, 10]],
];
console.log("ci → co, size | plane ms, CPU ms (GFLOP/s) | gathered");
for (const [ci, co, size] of layers) {
  const shape = { batch: 2, inChannels: ci, outChannels: co, size, kernel: [3, 3, 3], stride: [1, 1, 1] };
  const voxels = size.reduce((a, b) => a * b, 2);
  const row = [];
  for (const [name, way] of Object.entries(ways)) {
    if (name === "gathered" && voxels > 30_000) continue;
    row.push(await time(shape, way, voxels));
  }
  console.log(`${ci} → ${co}, ${size.join("×")} | ${row.join(" | ")}`);
}

async function time(shape, way, voxels) {
  const onnx = new OnnxGraph("bench");
  const dims = { x: [2, shape.inChannels, ...shape.size], dy: [2, shape.outChannels, ...shape.size] };
  for (const [name, dim] of Object.entries(dims)) onnx.input(name, "float32", dim);
  onnx.node("Identity", [way(onnx, shape, "x", "dy")], {}, "dw");
  onnx.output("dw", "float32", [shape.outChannels, shape.inChannels, 3, 3, 3]);
  const session = await ort.InferenceSession.create(onnx.encode(), {
    intraOpNumThreads,
    enableMemPattern: false,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    logSeverityLevel: 3,
  });
  const feeds = Object.fromEntries(
    Object.entries(dims).map(([name, dim]) => [
      name,
      new ort.Tensor(
        "float32",
        Float32Array.from({ length: dim.reduce((a, b) => a * b) }, (_, i) => Math.sin(i)),
        dim,
      ),
    ]),
  );
  let best = Number.POSITIVE_INFINITY;
  let cpu = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 8; run++) {
    const started = performance.now();
    const before = process.cpuUsage();
    await session.run(feeds);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, performance.now() - started);
    cpu = Math.min(cpu, (user + system) / 1000);
  }
  await session.release();
  const flops = 2 * 27 * shape.inChannels * shape.outChannels * voxels;
  return `${best.toFixed(1)}, ${cpu.toFixed(1)} (${(flops / best / 1e6).toFixed(0)})`;
}
