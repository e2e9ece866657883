import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { axisAlignedGeometry, createVolume } from "@nnunet/core";
import { loadModel, type Model, predictImage } from "@nnunet/inference";
import { pointwise, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

test("scores that the disk has no room for are refused before anything is done", async () => {
  const metadata = tinyMetadata([8, 8, 8]);
  const network = pointwise([[1], [2], [3]], [0, 0, 0], 3);
  const loaded = await loadModel(tinyModelBytes(metadata, network, 3));
  let runs = 0;
  const model: Model = { ...loaded, run: (...args) => loaded.run(...args).finally(() => runs++) };
  // 4³ voxels of 1 m, to be seen at 1 mm: 64·10⁹ voxels, 256 GB preprocessed, of which memory is said to have 700
  const image = createVolume(new Float32Array(64), [1, 4, 4, 4], axisAlignedGeometry([1000, 1000, 1000]));
  const scratch = join(tmpdir(), "case.nii.gz");
  const events: string[] = [];
  const predicted = predictImage(
    [model],
    { id: "case", image },
    {
      maxMemoryGb: 700,
      maxPatches: Number.MAX_SAFE_INTEGER,
      scratch,
      onProbabilities: async () => {},
      onEvent: ({ type }) => events.push(type),
    },
  );
  await expect(predicted).rejects.toThrow(
    /^predicting case case needs 768 GB of disk beside .*case\.nii\.gz, but only [\d.]+ GB are free; free some space, or allow more memory with `maxMemoryGb`$/,
  );
  expect([runs, events]).toEqual([0, []]);
  await loaded.dispose();
});
