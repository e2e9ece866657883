import { concatenated } from "../dicom/numbers-in-bytes.ts";

/** Voxels are hashed in pieces of so many bytes, because a digest copies what it is given. */
const atOnce = 16 * 2 ** 20;

/**
 * An identifier that follows from what it identifies: the same content has the same one, on every machine. 128 bits of a
 * SHA-256 as a UUID of version 8 under 2.25 (PS3.5 B.2, RFC 9562).
 *
 * @param parts - texts and bytes; where one ends counts
 * @example await derivedUid(["series", "1.2.3"]); // "2.25.…"
 */
export async function derivedUid(parts: readonly (string | Uint8Array<ArrayBuffer>)[]): Promise<string> {
  let hash = new Uint8Array(32);
  for (const part of parts) {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    hash = await digest(concatenated([hash, new TextEncoder().encode(`${bytes.length}:`)]));
    for (let at = 0; at < bytes.length; at += atOnce) {
      hash = await digest(concatenated([hash, bytes.subarray(at, at + atOnce)]));
    }
  }
  const uuid = hash.slice(0, 16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x80;
  uuid[8] = (uuid[8]! & 0x3f) | 0x80;
  return `2.25.${uuid.reduce((number, byte) => number * 256n + BigInt(byte), 0n)}`;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
