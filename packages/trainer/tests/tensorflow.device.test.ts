import { createRequire } from "node:module";
import { resolve } from "node:path";
import { expect, test } from "@jest/globals";
import { createTfjsEngine, loadTfjs } from "@nnunet/trainer";
import { goldenNetworks } from "../../unet-model/tests/golden-networks.ts";
import { engineTests } from "./engine-promises.ts";
import { goldenNetworkTests } from "./golden-network-tests.ts";

/*
 * The engine "tfjs" on TensorFlow itself. Needs @tensorflow/tfjs-node or tfjs-node-gpu, installed here or named by the
 * variable (tools/tfjs-native builds one):
 *
 *   NNUNET_TFJS_NODE=<folder>/node_modules/@tensorflow/tfjs-node npm run test:device -- packages/trainer/tests/tensorflow
 */
const folder = process.env["NNUNET_TFJS_NODE"];
const require = createRequire(import.meta.url);
const installed = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"].filter((name) => {
  try {
    return require.resolve(name) !== "";
  } catch {
    return false;
  }
});

if (folder === undefined && installed.length === 0) {
  console.warn("skipped: the engine tfjs on TensorFlow, for want of @tensorflow/tfjs-node (see docs/tensorflow.md)");
  test.skip("the engine tfjs on TensorFlow", () => {});
} else {
  const loaded = loadTfjs({}, folder === undefined ? require : only(resolve(folder)));
  const engine = createTfjsEngine(() => loaded);
  const tf = loaded.tf as { memory(): { numTensors: number }; getBackend(): string };

  test("is TensorFlow", () => {
    console.warn(`TensorFlow by ${loaded.description}`);
    expect(tf.getBackend()).toBe("tensorflow");
  });
  for (const network of goldenNetworks) goldenNetworkTests(engine, network);
  engineTests(engine, () => tf.memory().numTensors);
}

/** A machine on which nothing but the package in this folder is installed. */
function only(path: string): (name: string) => unknown {
  const { name } = require(`${path}/package.json`) as { name: string };
  return (wanted) => {
    if (wanted === name) return require(path);
    throw Object.assign(new Error(`Cannot find module '${wanted}'`), { code: "MODULE_NOT_FOUND" });
  };
}
