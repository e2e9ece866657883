/**
 * Training step, side by side with PyTorch: same network, batch, loss and optimiser, alternating on the same cores.
 *
 *   node packages/trainer/bench/training-step.bench.mjs [features ...]      (after npm run build)
 *
 * Prints the median step of each, the ratio of times (limit 1.6) and of peak memory (limit 1.6). Needs Debian's
 * python3-torch for the comparison; without it only our own times are printed.
 */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const sizes = process.argv.slice(2).map(Number);
const threads = Math.min(2, availableParallelism());
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const python = ["/usr/bin/python3", "python3"].find((p) => spawnSync(p, ["-c", "import torch"]).status === 0);
if (!python)
  console.log("PyTorch is not here (Debian: apt-get install python3-torch): no comparison, our own times only");

console.log("features | patch      | batch | ours ms | PyTorch ms | time ratio | ours GB | PyTorch GB | memory ratio");
for (const features of sizes.length > 0 ? sizes : [16, 32]) {
  const options = { features, patch: [40, 56, 40], batch: 2, steps: 4, threads };
  const ours = { milliseconds: [], peakBytes: 0 };
  const torch = { milliseconds: [], peakBytes: 0 };
  for (let round = 0; round < 3; round++) {
    collect(ours, run(process.execPath, here("training-step.node.mjs"), options));
    if (python) collect(torch, run(python, here("training-step.torch.py"), options));
  }
  const row = [features, options.patch.join("×"), options.batch, median(ours.milliseconds).toFixed(0)];
  if (python) {
    row.push(
      median(torch.milliseconds).toFixed(0),
      (median(ours.milliseconds) / median(torch.milliseconds)).toFixed(2),
    );
    row.push(
      (ours.peakBytes / 1e9).toFixed(2),
      (torch.peakBytes / 1e9).toFixed(2),
      (ours.peakBytes / torch.peakBytes).toFixed(2),
    );
  } else row.push("–", "–", (ours.peakBytes / 1e9).toFixed(2), "–", "–");
  console.log(row.join(" | "));
}

function run(command, script, options) {
  const child = spawnSync(command, [script, JSON.stringify(options)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.status !== 0) throw new Error(`${script} failed`);
  return JSON.parse(child.stdout);
}

/** The first step of a process allocates and compiles: it is left out. */
function collect(into, { milliseconds, peakBytes }) {
  into.milliseconds.push(...milliseconds.slice(1));
  into.peakBytes = Math.max(into.peakBytes, peakBytes);
}
