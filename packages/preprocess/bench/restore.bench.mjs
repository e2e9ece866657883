#!/usr/bin/env node
/**
 * Export: from scores to a segmentation of the original grid, against resampling every channel (ours and
 * scikit-image's) and taking the argmax; and how much memory it takes for few and for many channels.
 *
 *   npm run build && node packages/preprocess/bench/restore.bench.mjs
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resampleImage } from "@nnunet/kernels";
import { restoreSegmentation } from "@nnunet/preprocess";

/** The same in Python; prints its CPU seconds. */
const reference = `
import json, sys, time
import numpy as np
from skimage.transform import resize
folder, channels, job = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
scores = np.fromfile(folder + "/scores", np.float32).reshape([channels] + job["shape"])
start = time.process_time()
best = None
for c in range(channels):
    values = resize(scores[c].astype(float), job["target"], 1, mode="edge", anti_aliasing=False).astype(np.float32)
    if best is None:
        best, label = values, np.zeros(values.shape, np.int16)
    else:
        higher = values > best
        best[higher] = values[higher]
        label[higher] = c
print(time.process_time() - start)
label.tofile(folder + "/segmentation")
`;

const shape = [120, 160, 160];
const target = [200, 256, 256];
const voxels = shape.reduce((a, b) => a * b);
const scheme = { order: 1, orderZ: 0, forceSeparateZ: null };
const properties = {
  geometry: { spacing: [1, 1, 1], origin: [0, 0, 0], direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] },
  originalShape: target,
  transposeForward: [0, 1, 2],
  cropBox: target.map((n) => [0, n]),
  shapeAfterCropping: target,
  spacingAfterTranspose: [1, 1, 1],
  spacingAfterResampling: shape.map((n, i) => target[i] / n),
};

/** Scores as a network gives them: background nearly everywhere, blobs of each class, noise. */
function makeScores(channels) {
  const scores = new Float32Array(channels * voxels);
  let state = 1;
  for (let c = 0, i = 0; c < channels; c++) {
    const centre = [20 + ((c * 37) % 80), 20 + ((c * 53) % 120), 20 + ((c * 29) % 120)];
    for (let z = 0; z < shape[0]; z++) {
      for (let y = 0; y < shape[1]; y++) {
        for (let x = 0; x < shape[2]; x++, i++) {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          const noise = state / 2 ** 32 - 0.5;
          const r = Math.hypot(z - centre[0], y - centre[1], x - centre[2]);
          scores[i] = (c === 0 ? 3 : Math.max(-6, 12 - r)) + noise;
        }
      }
    }
  }
  return scores;
}

const labelSetOf = (channels) => ({
  outputChannels: channels,
  foreground: Array.from({ length: channels - 1 }, (_, i) => i + 1),
});
const configuration = { resamplingProbabilities: scheme };
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

if (process.argv[2]) {
  const channels = Number(process.argv[2]);
  const scores = makeScores(channels);
  const before = process.memoryUsage.rss();
  restoreSegmentation(scores, [channels, ...shape], properties, configuration, labelSetOf(channels));
  console.log(Math.round((process.resourceUsage().maxRSS * 1024 - before) / 1e6));
} else {
  console.log(
    `${new Date().toISOString()} · ${cpus().length} × ${cpus()[0].model} · node ${process.version} · load ${loadavg()[0].toFixed(1)}`,
  );
  console.log(`scores ${shape.join("×")} → segmentation ${target.join("×")}; CPU seconds`);
  const python = [process.env.PYTHON, "/usr/bin/python3", "python3"].find(
    (p) => p && spawnSync(p, ["-c", "import skimage"]).status === 0,
  );
  if (!python) console.warn("No Python with scikit-image found: the reference is left out.");
  const scratch = mkdtempSync(join(tmpdir(), "restore-bench-"));
  try {
    for (const channels of [3, 24]) {
      const scores = makeScores(channels);
      let start = cpuSeconds();
      const { data } = restoreSegmentation(
        scores,
        [channels, ...shape],
        properties,
        configuration,
        labelSetOf(channels),
      );
      const ours = cpuSeconds() - start;
      start = cpuSeconds();
      const whole = wholeChannels(scores, channels);
      const plain = cpuSeconds() - start;
      if (!whole.every((v, i) => v === data[i])) throw new Error("differs from resampling every channel");
      let note = "";
      if (python) {
        writeFileSync(join(scratch, "scores"), scores);
        const result = spawnSync(python, [
          "-c",
          reference,
          scratch,
          String(channels),
          JSON.stringify({ shape, target }),
        ]);
        if (result.status !== 0) throw new Error(String(result.stderr));
        const theirs = Number(result.stdout);
        const bytes = readFileSync(join(scratch, "segmentation"));
        const expected = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
        const different = data.reduce((n, v, i) => n + (v === expected[i] ? 0 : 1), 0);
        note = `, scikit-image ${theirs.toFixed(2)} (${(theirs / ours).toFixed(0)}×; ${different} of ${data.length} voxels differ)`;
      }
      const { stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), String(channels)]);
      console.log(
        `${channels} channels: ${ours.toFixed(2)}, every channel ${plain.toFixed(2)}${note}; memory beyond the scores ${String(stdout).trim()} MB (result ${Math.round((2 * data.length) / 1e6)} MB)`,
      );
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function wholeChannels(scores, channels) {
  const best = new Float32Array(target.reduce((a, b) => a * b));
  const label = new Int16Array(best.length);
  for (let c = 0; c < channels; c++) {
    const values = resampleImage(scores.subarray(c * voxels, (c + 1) * voxels), shape, target, { order: 1 });
    for (let i = 0; i < best.length; i++) {
      if (c === 0 || values[i] > best[i]) {
        best[i] = values[i];
        label[i] = c;
      }
    }
  }
  return label;
}
