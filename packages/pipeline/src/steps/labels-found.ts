import type { DatasetJson } from "@nnunet/core";
import { readLabels } from "@nnunet/io";

/** A stand-in for dataset.json: every label above 0 that occurs in the files, named by its number. */
export async function labelsFound(paths: readonly string[]): Promise<DatasetJson> {
  const found = new Set<number>();
  for (const path of paths) {
    const { data } = await readLabels(path);
    let last = 0;
    for (let i = 0; i < data.length; i++) {
      if (data[i] === last) continue;
      last = data[i]!;
      found.add(last);
    }
  }
  const ids = [...found].filter((id) => id > 0).sort((a, b) => a - b);
  return {
    channelNames: ["image"],
    labels: { background: 0, ...Object.fromEntries(ids.map((id) => [`label ${id}`, id])) },
    numTraining: paths.length,
    fileEnding: ".nii.gz",
  };
}
