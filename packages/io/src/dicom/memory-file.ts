import { ImageFileError } from "@nnunet/core";
import { memorySource } from "./byte-source.ts";
import type { DicomFile, Inflated } from "./dicom-file.ts";
import { concatenated } from "./numbers-in-bytes.ts";

/** A file that a page was given. Its bytes are in memory for as long as it is open. */
export function memoryFile(blob: Blob, path: string): DicomFile {
  return {
    path,
    name: path.slice(path.lastIndexOf("/") + 1),
    open: async (use) => {
      const bytes = await blob.arrayBuffer().catch((error: Error) => {
        const problem = `could not be read (${error.message}); choose the file again`;
        throw new ImageFileError(path, "", problem, { cause: error });
      });
      return use(memorySource(path, new Uint8Array(bytes)));
    },
    inflate: (packed, limit) => inflated(path, packed, limit),
  };
}

async function inflated(path: string, packed: Uint8Array<ArrayBuffer>, limit: number): Promise<Inflated> {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
  const parts: Uint8Array[] = [];
  try {
    for (let have = 0; have < limit; ) {
      const { done, value } = await reader.read();
      if (done) return { bytes: concatenated(parts), complete: true };
      parts.push(value);
      have += value.length;
    }
  } catch (error) {
    throw inflateFailure(path, "are damaged or cut off; get the file again", error);
  } finally {
    await reader.cancel().catch(() => {});
  }
  return { bytes: concatenated(parts), complete: false };
}

export function inflateFailure(path: string, problem: string, cause: unknown): ImageFileError {
  return new ImageFileError(path, "", `the deflated data ${problem}`, { cause });
}
