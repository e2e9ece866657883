import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { findDatasetFolder } from "@nnunet/io";
import type { Folders } from "../folders.ts";

/** Whether a path is the folder of a dataset that is converted before it is used: of the Decathlon, or of nnU-Net v1. */
export function isUnconverted(named: string): boolean {
  return existsSync(join(named, "dataset.json")) && !/^Dataset\d{3,}_/.test(basename(resolve(named)));
}

/** What a `Task04_…` folder was converted to; undefined where there is no dataset of its id yet. */
export async function convertedFolder({ raw }: Pick<Folders, "raw">, named: string): Promise<string | undefined> {
  const id = /^Task(\d+)_/.exec(basename(resolve(named)))?.[1];
  return id === undefined ? undefined : findDatasetFolder(raw, String(Number(id))).catch(() => undefined);
}
