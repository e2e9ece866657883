import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";
import { isNnunetError } from "@nnunet/core";
import { loadModel } from "@nnunet/inference";
import { goodModel, hostileModels } from "./hostile-models.ts";

/** No runtime is asked: what is refused here is refused before it could do anything. */
const noRuntime = () => Promise.reject(new Error("the model reached the runtime"));

async function refusal(model: Uint8Array): Promise<Error> {
  return loadModel(model, { createSession: noRuntime }).then(
    () => {
      throw new Error("loaded");
    },
    (error: Error) => error,
  );
}

test("the good model of which they are made is loaded", async () => {
  const loaded = await loadModel(goodModel);
  expect((await loaded.run(new Float32Array(64).fill(2), [1, 1, 4, 4, 4])).data[0]).toBe(2.5);
  await loaded.dispose();
});

test.each(hostileModels)("%s is refused before a runtime sees it", async (_, model, problem) => {
  const error = await refusal(model);
  expect(isNnunetError(error, "INVALID_ARTIFACT")).toBe(true);
  expect(error.message).toContain(problem);
  expect(error.message).toMatch(/^model\.onnx/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal would obey
  expect(error.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
});

const received = fileURLToPath(new URL("../../../../shared/cases/hostile/03-models/", import.meta.url));
const models = (() => {
  try {
    return readdirSync(received).filter((name) => name.endsWith(".onnx"));
  } catch {
    return [];
  }
})();
if (models.length === 0) console.warn("skipped: ../shared/cases/hostile is not there");
(models.length === 0 ? test.skip : test)("so is every model of the collection that was sent to us", async () => {
  for (const name of models) {
    const error = await refusal(readFileSync(received + name));
    expect([name, isNnunetError(error, "INVALID_ARTIFACT")]).toEqual([name, true]);
  }
});
