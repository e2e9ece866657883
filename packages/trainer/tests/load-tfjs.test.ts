import { describe, expect, test } from "@jest/globals";
import { type Device, loadTfjs, ortEngine, seesGpu, tfjsEngine, type TrainingEngine } from "@nnunet/trainer";
import { chooseEngine } from "../src/choose-engine.ts";

/** What Node says of a package that is not there. */
function notFound(name: string): Error {
  return Object.assign(new Error(`Cannot find module '${name}'\nRequire stack:\n- /somewhere`), {
    code: "MODULE_NOT_FOUND",
  });
}

/** The part of tfjs-node that tells them apart. */
const tensorflow = (gpu: boolean) => ({
  version: { "tfjs-node": "4.22.0" },
  backend: () => ({ isUsingGpuDevice: gpu }),
});

const machine =
  (packages: Readonly<Record<string, () => unknown>>) =>
  (name: string): unknown => {
    if (!Object.hasOwn(packages, name)) throw notFound(name);
    return packages[name]!();
  };
const gpu = { "@tensorflow/tfjs-node-gpu": () => tensorflow(true) };
const gpuPackageAlone = { "@tensorflow/tfjs-node-gpu": () => tensorflow(false) };
const cpu = { "@tensorflow/tfjs-node": () => tensorflow(false) };
const broken = {
  "@tensorflow/tfjs-node-gpu": () => {
    throw new Error("libcudart.so.11.0: cannot open shared object file\n  more");
  },
};

describe("engine tfjs takes", () => {
  test.each<[string, Readonly<Record<string, () => unknown>>, Device | undefined, string]>([
    ["the GPU package where both are", { ...gpu, ...cpu }, undefined, "@tensorflow/tfjs-node-gpu 4.22.0, GPU"],
    ["the CPU package where it is alone", cpu, undefined, "@tensorflow/tfjs-node 4.22.0, CPU"],
    ["the GPU package without a GPU, and says so", gpuPackageAlone, undefined, "@tensorflow/tfjs-node-gpu 4.22.0, CPU"],
    ["the CPU package where the CPU is asked for", { ...gpu, ...cpu }, "cpu", "@tensorflow/tfjs-node 4.22.0, CPU"],
    ["the GPU package where CUDA is asked for", { ...gpu, ...cpu }, "cuda", "@tensorflow/tfjs-node-gpu 4.22.0, GPU"],
  ])("%s", (_, packages, device, description) => {
    const { CUDA_VISIBLE_DEVICES: before } = process.env;
    const options = device === undefined ? {} : { device };
    expect(loadTfjs(options, machine(packages)).description).toBe(description);
    expect(process.env["CUDA_VISIBLE_DEVICES"]).toBe(device === "cpu" ? "-1" : before);
    if (before === undefined) delete process.env["CUDA_VISIBLE_DEVICES"];
  });
});

describe("engine tfjs refuses", () => {
  test.each<[string, Readonly<Record<string, () => unknown>>, Device | undefined, string]>([
    [
      "a machine without either, and says what to install and where to read on",
      {},
      undefined,
      'engine "tfjs" without @tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node is not supported; install one of them beside nnunet-ts (npm install @tensorflow/tfjs-node@4.22.0); docs/tensorflow.md tells how where its download fails, and for a newer CUDA',
    ],
    [
      "a package that does not load, instead of taking another",
      { ...broken, ...cpu },
      undefined,
      "@tensorflow/tfjs-node-gpu, which is installed but does not load, is not supported; repair it as docs/tensorflow.md tells, or uninstall it; it says: libcudart.so.11.0: cannot open shared object file",
    ],
    [
      "CUDA without a GPU",
      gpuPackageAlone,
      "cuda",
      'device "cuda" with engine "tfjs" is not supported; @tensorflow/tfjs-node-gpu sees no GPU; docs/tensorflow.md tells what it needs',
    ],
    [
      "WebGPU",
      gpu,
      "webgpu",
      'device "webgpu" with engine "tfjs" is not supported; take "cpu" or "cuda", or engine "ort"',
    ],
  ])("%s", (_, packages, device, message) => {
    const options = device === undefined ? {} : { device };
    expect(() => loadTfjs(options, machine(packages))).toThrow(message);
  });
});

describe("engine auto takes", () => {
  const looking = (packages: Readonly<Record<string, () => unknown>>): Record<string, TrainingEngine> => ({
    ort: ortEngine,
    tfjs: { ...tfjsEngine, lookForGpu: async () => seesGpu(machine(packages)) },
  });

  test.each<[string, Readonly<Record<string, () => unknown>>, Device | undefined, string, string]>([
    ["tfjs where it sees a GPU", gpu, undefined, "tfjs", "@tensorflow/tfjs-node-gpu sees a GPU"],
    ["ort where the package sees none", gpuPackageAlone, undefined, "ort", "@tensorflow/tfjs-node-gpu sees no GPU"],
    ["ort where only the CPU package is", cpu, undefined, "ort", "@tensorflow/tfjs-node-gpu is not installed"],
    ["ort where the package is broken, and says so", broken, undefined, "ort", "does not load"],
    ["ort where the CPU is asked for", gpu, "cpu", "ort", "device cpu was asked for"],
  ])("%s", async (_, packages, device, name, why) => {
    const chosen = await chooseEngine("auto", looking(packages), device);
    expect(chosen.engine.name).toBe(name);
    expect(chosen.why).toContain(why);
  });

  test("and a name is a name", async () => {
    expect((await chooseEngine("tfjs", looking({}))).engine.name).toBe("tfjs");
    await expect(chooseEngine("jax", looking({}))).rejects.toThrow('unknown engine "jax"; registered: auto, ort, tfjs');
  });
});
