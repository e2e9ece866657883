import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A folder as a store of zarrita, the independent reader of what we write. */
export function zarrFolder(folder: string) {
  const get = async (key: string) => readFile(join(folder, key)).catch(() => undefined);
  return {
    get,
    async getRange(key: string, range: { offset: number; length: number } | { suffixLength: number }) {
      const all = await get(key);
      return "suffixLength" in range
        ? all?.subarray(-range.suffixLength)
        : all?.subarray(range.offset, range.offset + range.length);
    },
  };
}
