import { readFileSync } from "node:fs";

/** Version of nnunet-ts, written into models and into the hashes that decide what must be made again. */
export const softwareVersion: string = JSON.parse(
  readFileSync(new URL("../package.json", import.meta.url), "utf8"),
).version;
