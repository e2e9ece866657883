import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { FileError } from "@nnunet/core";

/**
 * The built entry of a worker. Workers always run built JavaScript, also when this file runs from source (in tests),
 * because Node does not load TypeScript in a thread.
 */
export function workerEntry(name: "case-worker" | "batch-worker" | "predictor-worker" | "prediction-worker"): string {
  const path = fileURLToPath(new URL(`../../dist/workers/${name}.js`, import.meta.url));
  if (!existsSync(path)) throw new FileError(path, "not built; run `npm run build` first");
  return path;
}
