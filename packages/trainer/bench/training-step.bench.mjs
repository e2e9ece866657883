/**
 * Training step of both engines, side by side with PyTorch: same network, batch, loss and optimiser, alternating on the
 * same cores.
 *
 *   node packages/trainer/bench/training-step.bench.mjs [small medium 2d large]      (after npm run build)
 *
 * Prints for each the median step, the CPU time of it (which a busy machine disturbs less) and the peak memory, and what
 * of PyTorch's that is; limits 1.1 for time and 1.2 for memory. PyTorch is that of the Python named by PYTHON, else of
 * python3 where it has it. The engine "tfjs" needs @tensorflow/tfjs-node, or NNUNET_TFJS_NODE with its folder
 * (tools/tfjs-native). What is not there is left out, and said.
 *
 *   DEVICE=cuda node packages/trainer/bench/training-step.bench.mjs full          on a graphics card, its memory instead
 *   DEVICE=cuda MIXED=1 node packages/trainer/bench/training-step.bench.mjs full  with float16, PyTorch's autocast
 */
import { spawnSync } from "node:child_process";
import { availableParallelism, cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const networks = {
  small: { features: [16, 32, 64, 128], patch: [40, 56, 40], batch: 2, steps: 4 },
  medium: { features: [32, 64, 128, 256], patch: [40, 56, 40], batch: 2, steps: 4 },
  "2d": { features: [32, 64, 128, 256, 512, 512, 512], patch: [256, 256], batch: 4, steps: 3 },
  large: { features: [32, 64, 128, 256, 320], patch: [64, 64, 64], batch: 2, steps: 3 },
  // what nnU-Net plans for a card: of no use on a CPU, and run only by name
  full: { features: [32, 64, 128, 256, 320, 320], patch: [128, 128, 128], batch: 2, steps: 12 },
  "full-2d": { features: [32, 64, 128, 256, 512, 512, 512, 512], patch: [512, 512], batch: 12, steps: 12 },
};
const device = process.env.DEVICE ?? "cpu";
const mixedPrecision = process.env.MIXED === "1";
const wanted = process.argv.slice(2);
const threads = Math.min(2, availableParallelism());
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const candidates = [process.env.PYTHON, "/usr/bin/python3", "python3"].filter((p) => p !== undefined);
const python = candidates.find((p) => spawnSync(p, ["-c", "import torch"]).status === 0);
const runners = {
  PyTorch: python && ((options) => run(python, here("training-step.torch.py"), options)),
  ort: (options) => run(process.execPath, here("training-step.node.mjs"), { ...options, engine: "ort" }),
  tfjs: (options) => run(process.execPath, here("training-step.node.mjs"), { ...options, engine: "tfjs" }),
};
if (mixedPrecision) delete runners.tfjs; // it has none
const probe = { features: [4, 8], patch: [8, 8, 8], batch: 1, steps: 1, threads, device };
if (!python) console.log("PyTorch is not here (set PYTHON to a Python that has it): no ratios");
if (runners.tfjs && !tryTo(() => runners.tfjs(probe))) {
  console.log("TensorFlow is not here (docs/tensorflow.md): engine tfjs is left out");
  delete runners.tfjs;
}
if (!python) delete runners.PyTorch;

console.log(
  `${device === "cpu" ? "" : `device ${device}${mixedPrecision ? " in mixed precision" : ""}; `}${cpus()[0]?.model}, ${threads} threads; load ${loadavg()[0].toFixed(1)} on ${cpus().length} cores`,
);
console.log(
  "network | features | patch      | batch | by      | step ms | CPU ms |   GB | ratios to PyTorch: step, CPU, memory",
);
for (const network of wanted.length > 0 ? wanted : ["small", "medium", "2d", "large"]) {
  const options = { ...networks[network], threads, device, mixedPrecision };
  const results = Object.fromEntries(
    Object.keys(runners).map((name) => [name, { milliseconds: [], cpuMilliseconds: [], peakBytes: 0 }]),
  );
  for (let round = 0; round < 3; round++) {
    for (const [name, runner] of Object.entries(runners)) collect(results[name], runner(options));
  }
  for (const [name, result] of Object.entries(results)) {
    const { step, cpu, memory } = figures(result);
    const features = `${options.features[0]}–${options.features.at(-1)}`;
    const row = [
      network,
      features,
      options.patch.join("×"),
      options.batch,
      name.padEnd(7),
      step.toFixed(0),
      cpu.toFixed(0),
    ];
    row.push((memory / 1e9).toFixed(2));
    const reference = results.PyTorch && figures(results.PyTorch);
    row.push(
      reference && name !== "PyTorch"
        ? [step / reference.step, cpu / reference.cpu, memory / reference.memory].map((r) => r.toFixed(2)).join(", ")
        : "–",
    );
    console.log(row.join(" | "));
  }
}

function figures({ milliseconds, cpuMilliseconds, peakBytes }) {
  return { step: median(milliseconds), cpu: median(cpuMilliseconds), memory: peakBytes };
}

function tryTo(work) {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

function run(command, script, options) {
  const child = spawnSync(command, [script, JSON.stringify(options)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (child.status !== 0) throw new Error(`${script} failed: ${child.stderr}`);
  return JSON.parse(child.stdout.trim().split("\n").at(-1));
}

/** The first step of a process allocates and compiles: it is left out. */
function collect(into, { milliseconds, cpuMilliseconds, peakBytes }) {
  into.milliseconds.push(...milliseconds.slice(1));
  into.cpuMilliseconds.push(...cpuMilliseconds.slice(1));
  into.peakBytes = Math.max(into.peakBytes, peakBytes);
}
