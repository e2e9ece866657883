import { join } from "node:path";
import { axisAlignedGeometry, createRandom, createVolume, datasetToJson, type Shape3 } from "@nnunet/core";
import { writeJsonAtomic } from "@nnunet/core/node";
import { writeImage } from "@nnunet/io";

/** An image with two blocks in noise, and their labels 1 and 2. */
export function madeCase(index: number, shape: Shape3 = [8, 12, 12]) {
  const random = createRandom(11, "made", index);
  const [nz, ny, nx] = shape;
  const image = new Float32Array(nz * ny * nx);
  const label = new Int16Array(image.length);
  let i = 0;
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++, i++) {
        const inside = z > 1 && z < 6 && y > 2 && y < 9;
        label[i] = inside && x < 5 ? 1 : inside && x > 7 ? 2 : 0;
        image[i] = 100 + [0, 40, -40][label[i]!]! + 5 * random.normal();
      }
    }
  }
  const geometry = axisAlignedGeometry([2, 1, 1]);
  return { image: createVolume(image, [1, ...shape], geometry), label: createVolume(label, [1, ...shape], geometry) };
}

/** Writes `Dataset008_Made` with five training cases below `raw` and returns its folder. */
export async function writeMadeDataset(raw: string): Promise<string> {
  const folder = join(raw, "Dataset008_Made");
  for (let index = 0; index < 5; index++) {
    const { image, label } = madeCase(index);
    await writeImage(join(folder, "imagesTr", `made_${index}_0000.nii.gz`), image);
    await writeImage(join(folder, "labelsTr", `made_${index}.nii.gz`), label);
  }
  await writeJsonAtomic(join(folder, "dataset.json"), datasetToJson(madeJson));
  return folder;
}

export const madeJson = {
  channelNames: ["MRI"],
  labels: { background: 0, bright: 1, dark: 2 },
  numTraining: 5,
  fileEnding: ".nii.gz",
};

/** Options of a training that takes a second. */
export const tinyTraining = [
  "--base-features",
  "2",
  "--batch-size",
  "2",
  "--epochs",
  "1",
  "--iterations-per-epoch",
  "2",
];
