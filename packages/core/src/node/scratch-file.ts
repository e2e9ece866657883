import { closeSync, existsSync, openSync, readSync, rmSync, statfsSync, writeSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { describeFileError } from "./files.ts";
import { temporaryBeside } from "./temporaries.ts";

type Transfer = (file: number, bytes: Uint8Array, from: number, length: number, position: number) => number;

/**
 * Numbers for which memory has no room, in a file of this process alone: it has no name as long as the system allows
 * that, so that not even a kill leaves it behind. Reads and writes wait for the system, which keeps what it can in memory
 * that it gives back whenever others need it.
 */
export class ScratchFile {
  readonly #path: string;
  readonly #file: number;

  /**
   * @param beside - a path; the file lies in its folder, or while that is missing in the nearest one above
   * @throws {FileError} if that cannot be written
   */
  constructor(beside: string) {
    this.#path = temporaryBeside(join(nearestFolder(beside), basename(beside)), { hidden: true });
    try {
      this.#file = openSync(this.#path, "wx+", 0o600);
      if (process.platform !== "win32") rmSync(this.#path, { force: true });
    } catch (error) {
      throw describeFileError(this.#path, "could not be written", error);
    }
  }

  /**
   * Fills `values` with the numbers from the given one on. What was never written is 0.
   *
   * @param first - number of float32 numbers before it
   * @throws {FileError} if the file ends before them, or the disk fails
   */
  read(values: Float32Array, first: number): void {
    this.#transfer(values, first, "could not be read", (...how) => readSync(...how));
  }

  /** @throws {FileError} if the disk is full */
  write(values: Float32Array, first: number): void {
    this.#transfer(values, first, "could not be written", (...how) => writeSync(...how));
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }

  #transfer(values: Float32Array, first: number, problem: string, move: Transfer): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    try {
      for (let done = 0; done < bytes.length; ) {
        const count = move(this.#file, bytes, done, bytes.length - done, first * 4 + done);
        if (count === 0) throw new FileError(this.#path, `${problem}: it ended too early`);
        done += count;
      }
    } catch (error) {
      throw describeFileError(this.#path, problem, error);
    }
  }
}

/**
 * Bytes that the disk of a path has room for.
 *
 * @throws {FileError} if that cannot be found out
 */
export function freeDisk(path: string): number {
  const folder = nearestFolder(path);
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch (error) {
    throw describeFileError(folder, "could not be written", error);
  }
}

/** Where something beside a path can lie before its folder is made. */
function nearestFolder(path: string): string {
  let folder = dirname(resolve(path));
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
