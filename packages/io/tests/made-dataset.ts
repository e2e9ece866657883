import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { axisAlignedGeometry, createVolume, type Geometry, type VoxelArray } from "@nnunet/core";
import { writeImage } from "@nnunet/io";

export const geometry: Geometry = { ...axisAlignedGeometry([3, 1, 0.5]), origin: [-10, 4, 7.5] };

/** A 2×3×4 image with its own voxels. */
export function image(seed: number, place: Geometry = geometry): ReturnType<typeof createVolume<Float32Array>> {
  const data = Float32Array.from({ length: 24 }, (_, i) => Math.sin(seed * 100 + i));
  return createVolume(data, [1, 2, 3, 4], place);
}

export function volume<T extends VoxelArray>(data: T, place: Geometry = geometry) {
  return createVolume(data, [1, 2, 3, 4], place);
}

export const labels = () => volume(Uint8Array.from({ length: 24 }, (_, i) => i % 3));

/** Dataset007_Made with two channels and two labels. */
export async function makeDataset(root: string, cases = ["a", "b", "c"]): Promise<string> {
  const folder = join(root, "Dataset007_Made");
  mkdirSync(folder, { recursive: true });
  for (const [n, id] of cases.entries()) {
    await writeImage(join(folder, "imagesTr", `${id}_0000.nii.gz`), image(2 * n));
    await writeImage(join(folder, "imagesTr", `${id}_0001.nii.gz`), image(2 * n + 1));
    await writeImage(join(folder, "labelsTr", `${id}.nii.gz`), labels());
  }
  await writeImage(join(folder, "imagesTs", "t_0000.nii.gz"), image(50));
  await writeImage(join(folder, "imagesTs", "t_0001.nii.gz"), image(51));
  writeDatasetJson(folder, { numTraining: cases.length });
  return folder;
}

export function writeDatasetJson(folder: string, changes: Record<string, unknown>): void {
  const json = {
    channel_names: { 0: "T1", 1: "T2" },
    labels: { background: 0, core: 1, rim: 2 },
    numTraining: 3,
    file_ending: ".nii.gz",
    ...changes,
  };
  writeFileSync(join(folder, "dataset.json"), JSON.stringify(json));
}
