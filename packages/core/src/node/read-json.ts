import { InvalidArtifactError } from "../errors.ts";
import { parseJson, type ParseJsonOptions } from "../json/parse-json.ts";
import { describeFileError, openRegularFile } from "./files.ts";

/** A dataset.json that lists 100,000 cases has 30 MB. */
const largestJson = 64 * 2 ** 20;

/**
 * Reads a JSON file that somebody may have sent: an ordinary file of at most 64 MiB, UTF-8, by {@link parseJson}'s
 * bounds.
 *
 * @throws {FileError} if the file is missing, unreadable, or no ordinary file
 * @throws {InvalidArtifactError} if it is too large, not UTF-8, or not JSON; says line and column
 */
export async function readJson(path: string, options: ParseJsonOptions = {}): Promise<unknown> {
  const { handle, stats } = await openRegularFile(path);
  let bytes: Uint8Array;
  try {
    if (stats.size > largestJson) throw tooLarge(path, stats.size);
    bytes = await handle.readFile();
  } catch (error) {
    throw describeFileError(path, "could not be read", error);
  } finally {
    await handle.close();
  }
  return parseJson(utf8(bytes, path), path, options);
}

function tooLarge(path: string, size: number): InvalidArtifactError {
  const mebibytes = (count: number) => Math.ceil(count / 2 ** 20).toLocaleString("en");
  const problem = `it has ${mebibytes(size)} MiB, and a JSON file of ours has at most ${mebibytes(largestJson)}; is this the right file?`;
  return new InvalidArtifactError(path, "", problem);
}

/** The text of bytes; Node's own decoder would replace what is no UTF-8 without a word. */
function utf8(bytes: Uint8Array, path: string): string {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new InvalidArtifactError(path, "", "not valid JSON (it is UTF-16 text); save it as UTF-8");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new InvalidArtifactError(path, "", "not valid JSON (it is not UTF-8 text); save it as UTF-8", { cause });
  }
}
