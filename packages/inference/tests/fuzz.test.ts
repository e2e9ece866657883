import { createHash } from "node:crypto";
import { expect, jest, test } from "@jest/globals";
import { inspectModel, loadModel } from "@nnunet/inference";
import { fuzz, fuzzTimeout, mutate } from "../../core/tests/mutants.ts";
import { goodModel, hostileModels } from "./hostile-models.ts";
import { bytesField, join, text } from "./tiny-onnx.ts";

jest.setTimeout(fuzzTimeout);

/*
 * Mutants of a good model. Refused or not, none may do anything else; one whose hash was made right again may get
 * through, and then onnxruntime must run it, to logits of the right shape.
 */

const key = "nnunet.file_sha256";
const body = goodModel.subarray(0, Buffer.from(goodModel).lastIndexOf(key) - 4);

function sealed(content: Uint8Array): Uint8Array {
  const hash = createHash("sha256").update(content).digest("hex");
  return join([content, bytesField(14, join([text(1, key), text(2, hash)]))]);
}

test("a changed model is refused by its hash at the latest", async () => {
  const read = await fuzz(
    1,
    1500,
    (random) => mutate(goodModel, random, 600),
    async (bytes) => {
      if (Buffer.from(bytes).equals(goodModel)) throw new Error("no mutant");
      await inspectModel(bytes, "model.onnx");
    },
  ).catch((error: Error) => {
    if (error.message.includes("no mutant")) return 0; // bytes copied onto themselves
    throw error;
  });
  expect(read).toBe(0);
});

test("a changed model whose hash is right is refused, or runs to logits of the right shape", async () => {
  const read = await fuzz(
    2,
    1500,
    (random) => sealed(mutate(body, random, 600)),
    async (bytes) => {
      const model = await loadModel(bytes, { threads: 1 });
      try {
        const { patchSize } = model.metadata.plans.configurations[model.metadata.configuration]!;
        if (patchSize.reduce((a, b) => a * b) > 1e5) return;
        const channels = model.metadata.dataset.channelNames.length;
        const input = new Float32Array(channels * patchSize.reduce((a, b) => a * b));
        const { data, shape } = await model.run(input, [1, channels, ...patchSize]);
        expect(shape.slice(2)).toEqual([...patchSize]);
        expect(data.length).toBe(shape.reduce((a, b) => a * b));
      } finally {
        await model.dispose();
      }
    },
  );
  expect(read).toBeGreaterThan(0);
});

test("mutants of hostile models", async () => {
  await fuzz(
    3,
    1500,
    (random) => mutate(hostileModels[random.integer(0, hostileModels.length)]![1], random, 600),
    (bytes) => (bytes.length > 1e5 ? undefined : inspectModel(bytes, "model.onnx")),
  );
});
