import { realpath } from "node:fs/promises";
import { sep } from "node:path";

/**
 * Whether a path leads out of a folder, after all links: what somebody sent must not make us read or copy any file of
 * this machine. A path that does not exist leads nowhere.
 */
export async function leadsOut(folder: string, path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  if (real === undefined) return false;
  const root = await realpath(folder);
  return real !== root && !real.startsWith(root.endsWith(sep) ? root : root + sep);
}
