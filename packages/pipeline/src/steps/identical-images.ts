import { createHash } from "node:crypto";
import { isJsonObject, listed, type LoadedCase, type RawDataset, type StageOptions } from "@nnunet/core";
import { dividedGroup } from "@nnunet/evaluate";
import { type Folders, preprocessedPaths } from "../folders.ts";
import { changeRecord, readRecord } from "../records/made-from.ts";
import { writtenSplits } from "../selection/cross-validation.ts";

/*
 * One image under two names, because two people annotated it, say, is no two cases: where one is trained on and the other
 * validated, the score is that of an image that the network has seen.
 */

/** SHA-256 of an image's voxels and shape, whatever its file is called and however it is compressed. */
export function imageHash({ data, shape }: LoadedCase["image"]): string {
  return createHash("sha256")
    .update(shape.join())
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");
}

/** Notes the hash of every training case's image. */
export async function recordImages(
  folders: Folders,
  dataset: RawDataset,
  hashes: ReadonlyMap<string, string>,
): Promise<void> {
  const images = Object.fromEntries(dataset.trainingCases.map(({ id }) => [id, hashes.get(id)]));
  await changeRecord(preprocessedPaths(folders, dataset.name).madeFrom, (record) => ({ ...record, images }));
}

/**
 * Warns of identical images that a fold divides, or could divide where the cases are not divided yet, with what to do.
 *
 * @param stage - which step found it
 */
export async function warnOfIdenticalImages(
  folders: Folders,
  dataset: RawDataset,
  stage: string,
  { onEvent }: Pick<StageOptions, "onEvent">,
): Promise<void> {
  const { images } = await readRecord(preprocessedPaths(folders, dataset.name).madeFrom);
  if (!isJsonObject(images)) return;
  const byImage = new Map<unknown, string[]>();
  for (const { id } of dataset.trainingCases) {
    if (typeof images[id] === "string") byImage.set(images[id], [...(byImage.get(images[id]) ?? []), id]);
  }
  const same = [...byImage.values()].filter(({ length }) => length > 1);
  if (same.length === 0) return;
  const splits = await writtenSplits(folders, dataset);
  const divided = same.filter(
    (ids) => splits === undefined || dividedGroup(splits, new Map(ids.map((id) => [id, "one image"]))),
  );
  if (divided.length === 0) return;
  const names = listed(
    divided.map((ids) => ids.join(" = ")),
    6,
  );
  const harm = "a network that was trained on one of them is validated on the other, and its score is too good";
  const text = `the same image under several names: ${names}; ${harm}: keep them in one fold by \`groupBy\` (a pattern or a table), or take the copies away`;
  onEvent?.({ type: "message", stage, level: "warning", text });
}
