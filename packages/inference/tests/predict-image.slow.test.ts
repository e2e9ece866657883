import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { loadModel, predictImage } from "@nnunet/inference";
import { readImage } from "@nnunet/io";
import { pointwise, tinyMetadata, tinyModelBytes } from "./tiny-model.ts";

const folder = fileURLToPath(new URL("../../../../shared/data/Task04_Hippocampus/imagesTr", import.meta.url));
const files = existsSync(folder)
  ? readdirSync(folder)
      .filter((name) => /^hippocampus_\d+\.nii\.gz$/.test(name))
      .slice(0, 5)
  : [];
if (files.length === 0) console.warn(`skipped: ${folder} is not there`);

(files.length === 0 ? describe.skip : describe)("real images of 1 mm spacing", () => {
  test("a network that asks for half a standard deviation above the mean finds exactly those voxels", async () => {
    const metadata = tinyMetadata([40, 56, 40], { configuration: { normalizationSchemes: ["ZScore"] } });
    const model = await loadModel(tinyModelBytes(metadata, pointwise([[0], [9], [0]], [0, -4.5, -99], 3), 3));
    for (const file of files) {
      const image = await readImage(join(folder, file));
      const { segmentation } = await predictImage([model], {
        id: file,
        image: { ...image, data: Float32Array.from(image.data) },
      });
      expect(segmentation.geometry).toEqual(image.geometry);
      const voxels = Float64Array.from(image.data);
      const mean = voxels.reduce((sum, v) => sum + v, 0) / voxels.length;
      const deviation = Math.sqrt(voxels.reduce((sum, v) => sum + (v - mean) ** 2, 0) / voxels.length);
      const expected = voxels.map((v) => ((v - mean) / deviation > 0.5 ? 1 : 0));
      let different = 0;
      expected.forEach((label, i) => {
        if (label !== segmentation.data[i]) different++;
      });
      expect(different).toBe(0);
      expect(expected.reduce((sum, label) => sum + label, 0)).toBeGreaterThan(1000);
    }
    await model.dispose();
  });
});
