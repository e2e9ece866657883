import { createHash } from "node:crypto";
import type { RandomAccess } from "../bytes/random-access.ts";

const piece = 4 * 2 ** 20;

/** SHA-256 of all bytes, hex, read piece by piece. */
export async function fileSha256(source: RandomAccess): Promise<string> {
  const hash = createHash("sha256");
  for (let at = 0; at < source.size; at += piece) hash.update(await source.read(at, Math.min(piece, source.size - at)));
  return hash.digest("hex");
}
