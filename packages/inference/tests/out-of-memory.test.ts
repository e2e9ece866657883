import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { createRandom } from "@nnunet/core";
import { buildNetwork, initialiseWeights, writeOnnxModel } from "@nnunet/unet-model";
import { tinyMetadata } from "../../unet-model/tests/tiny-plans.ts";

const dist = new URL("../dist/index.js", import.meta.url);
const reason = !existsSync(fileURLToPath(dist))
  ? "packages/inference is not built (npm run build)"
  : spawnSync("prlimit", ["--version"]).status !== 0
    ? "this machine has no prlimit, which takes memory away from a process"
    : "";
if (reason) console.warn(`out-of-memory test skipped: ${reason}`);

/** Opens a model, takes all further memory away from itself, and runs it. */
const script = `
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { loadModel } from ${JSON.stringify(dist.href)};
const model = await loadModel(process.argv[1], { threads: 1 });
const patch = new Float32Array(2 * 64 ** 3);
const taken = 1024 * Number(/VmSize:\\s+(\\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]);
spawnSync("prlimit", ["--pid", String(process.pid), "--as=" + (taken + 8e6)]);
try {
  await model.run(patch, [1, 2, 64, 64, 64]);
  console.log("ran");
} catch (error) {
  console.log(error.code, error.message);
}
process.exit();
`;

(reason ? test.skip : test)("a run that memory is too small for says so, and what to do", () => {
  const folder = mkdtempSync(join(tmpdir(), "nnunet-inference-"));
  try {
    const path = join(folder, "model.onnx");
    const architecture = {
      kind: "plain" as const,
      featuresPerStage: [16, 16],
      kernelSizes: [
        [3, 3, 3],
        [3, 3, 3],
      ],
      strides: [
        [1, 1, 1],
        [2, 2, 2],
      ],
      convsPerStage: [2, 1],
      convsPerStageDecoder: [1],
      convBias: true,
      transposedConvBias: false,
      headBias: false,
      normEpsilon: 1e-5,
      leakyReluSlope: 0.01,
    };
    const patchSize = [64, 64, 64];
    const graph = buildNetwork(architecture, { inputChannels: 2, outputChannels: 3, patchSize });
    const weights = initialiseWeights(graph, createRandom(0));
    writeFileSync(path, writeOnnxModel(graph, [weights], tinyMetadata(architecture, patchSize, [0])));
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script, path], {
      encoding: "utf8",
    });
    expect(stdout + stderr).toMatch(
      /^LIMIT a run of the network \(.*model\.onnx\) needs about 0\.1\d GB of memory, but the system gave no more; end other programs, use a model of a smaller patch, or a machine with more$/m,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
