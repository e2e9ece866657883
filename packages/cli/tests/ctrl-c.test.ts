import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, jest, test } from "@jest/globals";
import { writeMadeDataset } from "./made-dataset.ts";
import { nnunet, withScratch } from "./run-nnunet.ts";

// Each training takes a second or two, but other test files may use the cores at the same time.
jest.setTimeout(240_000);

const bin = fileURLToPath(new URL("../bin/nnunet.mjs", import.meta.url));
const built = existsSync(new URL("../dist/index.js", import.meta.url));
if (!built) console.warn("Ctrl-C test skipped: packages/cli is not built (npm run build)");
const testWhereBuilt = built ? test : test.skip;

testWhereBuilt("Ctrl-C during training ends with 130, leaves nothing half-written, and --continue goes on", () =>
  withScratch(async (scratch, roots) => {
    await writeMadeDataset(join(scratch, "raw"));
    for (const command of ["fingerprint", "plan", "preprocess"])
      expect((await nnunet(command, "8", ...roots)).code).toBe(0);
    const size = ["--base-features", "2", "--batch-size", "2", "--epochs", "3", "--iterations-per-epoch", "30"];
    const args = ["train", "8", "3d_fullres", "0", ...size, "--workers", "1", ...roots];

    const child = spawn(process.execPath, [bin, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (text) => {
      stderr += text;
      // after the first epoch there is a checkpoint, so the second is where it hurts
      if (stderr.includes("epoch 1/3") && !child.killed) child.kill("SIGINT");
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(stderr).toContain("stopping; press Ctrl-C again to stop at once");
    expect(stderr).toContain("nnunet: stopped; what is finished is kept");
    expect(code).toBe(130);
    const files = await readdir(join(scratch, "results"), { recursive: true });
    expect(files.filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(files.some((name) => name.endsWith("checkpoint_latest.safetensors"))).toBe(true);
    expect(files.some((name) => name.endsWith("model.onnx"))).toBe(false);

    const refused = await nnunet(...args);
    expect(refused.stderr).toContain(
      "holds an unfinished training; --overwrite starts again, --continue goes on from its checkpoint",
    );
    expect(refused.code).toBe(3);
    const continued = await nnunet(...args, "--continue");
    expect(continued.stderr).toContain("train: epoch 3/3");
    expect(continued.stderr).not.toContain("train: epoch 1/3");
    expect(continued.code).toBe(0);
  }),
);
