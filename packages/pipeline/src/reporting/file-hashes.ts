import { relative } from "node:path";
import type { Plans, RawDataset } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { fileSha256 } from "@nnunet/preprocess";
import type { ReportData } from "@nnunet/report";
import { type Folders, preprocessedPaths } from "../folders.ts";
import type { FoldResult } from "./fold-results.ts";

/** What the report speaks of, by its bytes: as `sha256sum` prints them. Names begin below the three folders. */
export async function fileHashes(
  folders: Folders,
  dataset: RawDataset,
  plans: Plans | undefined,
  folds: readonly FoldResult[],
): Promise<ReportData["files"]> {
  const paths = preprocessedPaths(folders, dataset.name);
  const wanted = [
    ...[paths.dataset, paths.fingerprint, ...(plans ? [paths.plans(plans.plansName)] : []), paths.splits].map(
      (path) => ({ path, root: folders.preprocessed }),
    ),
    ...folds.map((fold) => ({ path: fold.paths.model, root: folders.results })),
  ];
  const found: ReportData["files"][number][] = [];
  for (const { path, root } of wanted) {
    if (await exists(path))
      found.push({ name: relative(root, path).replaceAll("\\", "/"), sha256: await fileSha256(path) });
  }
  return found;
}
