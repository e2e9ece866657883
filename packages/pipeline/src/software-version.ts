import { readFileSync } from "node:fs";

/**
 * Version of nnunet-ts, written into models and into the hashes that decide whether checks and predictions are made
 * again; never into those of fingerprints, plans and trainings, so that an upgrade costs no training.
 */
export const softwareVersion: string = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
).version;
