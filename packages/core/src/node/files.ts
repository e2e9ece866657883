import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FileError } from "../errors.ts";
import { temporaryBeside } from "./temporaries.ts";

/**
 * Writes a file so that no reader ever sees half of it: to a temporary name beside it, synced, then renamed.
 * Missing parent folders are made. A file of that name is replaced; callers decide whether that is allowed.
 *
 * @throws {FileError} if the disk is full or the folder cannot be written; nothing is left behind
 */
export async function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  await writeAtomic(path, (handle) => handle.writeFile(data));
}

/**
 * Like {@link writeFileAtomic} for content made piece by piece, so that it never lies in memory as a whole.
 *
 * @param chunks - written in order
 */
export async function writeChunksAtomic(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  await writeAtomic(path, async (handle) => {
    for await (const chunk of chunks) await handle.writeFile(chunk);
  });
}

async function writeAtomic(
  path: string,
  write: (handle: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await makeFolder(dirname(path));
    const handle = await open(temporary, "wx");
    try {
      await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw describeFileError(path, "could not be written", error);
  }
}

/** Copies a file as {@link writeFileAtomic} writes one. */
export async function copyFileAtomic(from: string, to: string): Promise<void> {
  const { handle } = await openRegularFile(from);
  await writeChunksAtomic(to, handle.createReadStream());
}

/**
 * Adds a line to a log. Only to an ordinary file of its own: a link, a pipe or a device of that name is taken away first
 * and what it leads to is left alone, as the functions above leave it.
 *
 * @throws {FileError} if the disk is full or the folder cannot be written
 */
export async function appendLine(path: string, line: string): Promise<void> {
  try {
    const found = await lstat(path).catch(() => undefined);
    if (found && !found.isFile() && !found.isDirectory()) await rm(path);
    if (found?.isFile() && found.nlink > 1) await copyFileAtomic(path, path); // a hard link becomes a file of its own
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);
    const handle = await open(path, flags, 0o666);
    try {
      await handle.writeFile(`${line}\n`);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw describeFileError(path, "could not be written", error);
  }
}

/**
 * Makes a folder and the folders above it that are missing; one that is there already is left alone.
 *
 * One level at a time, because Node's own `mkdir` with `recursive` never returns below `/proc` and other file systems
 * that answer "no such folder" to whatever is to be made in them.
 *
 * @returns the folders that were made, the outermost first
 * @throws {FileError} if a part of the path is a file, or the nearest existing folder takes no new one
 */
export async function makeFolder(folder: string): Promise<string[]> {
  const missing: string[] = [];
  let nearest = resolve(folder);
  for (;;) {
    const found = await stat(nearest).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" && dirname(nearest) !== nearest) return undefined;
      throw describeFileError(folder, "could not be written", error);
    });
    if (found) {
      if (!found.isDirectory()) throw new FileError(folder, `could not be written: ${reasons["ENOTDIR"]}`);
      break;
    }
    missing.push(nearest);
    nearest = dirname(nearest);
  }
  const made: string[] = [];
  for (const next of missing.reverse()) {
    try {
      await mkdir(next);
      made.push(next);
    } catch (caught) {
      const error = caught as NodeJS.ErrnoException;
      if (error.code === "EEXIST") continue; // made by somebody else meanwhile
      if (error.code !== "ENOENT") throw describeFileError(folder, "could not be written", error);
      throw new FileError(
        folder,
        `could not be written: no folder can be made in ${dirname(next)}; choose another place`,
        {
          cause: error,
        },
      );
    }
  }
  return made;
}

/** Whether there is a file or folder of this name; a link that leads nowhere is none. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * What a path leads to, which must be an ordinary file: opening a pipe waits for ever, reading a device may never end
 * or do something. It is looked at before it is opened.
 *
 * @throws {FileError} if it is missing, a folder, a pipe, a socket or a device
 */
export async function regularFile(path: string): Promise<Stats> {
  const found = await stat(path).catch((error: unknown) => {
    throw describeFileError(path, "could not be read", error);
  });
  requireRegular(path, found);
  return found;
}

/**
 * Opens an ordinary file for reading, by {@link regularFile}'s rule; what is opened is looked at once more, so that
 * nothing can be put in its place in between.
 *
 * @throws {FileError} if it is missing, unreadable, a folder, a pipe, a socket or a device
 */
export async function openRegularFile(path: string): Promise<{ readonly handle: FileHandle; readonly stats: Stats }> {
  await regularFile(path);
  let handle: FileHandle | undefined;
  try {
    // Without O_NONBLOCK (Windows has none, and no pipes in its folders) a pipe that appeared now would hold us.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = await handle.stat();
    requireRegular(path, stats);
    return { handle, stats };
  } catch (error) {
    await handle?.close();
    throw describeFileError(path, "could not be read", error);
  }
}

/**
 * The bytes of an ordinary file, by {@link openRegularFile}'s rule.
 *
 * @throws {FileError} if it is missing, unreadable, a folder, a pipe, a socket or a device
 */
export async function readRegularFile(path: string): Promise<Buffer> {
  const { handle } = await openRegularFile(path);
  try {
    return await handle.readFile();
  } catch (error) {
    throw describeFileError(path, "could not be read", error);
  } finally {
    await handle.close();
  }
}

function requireRegular(path: string, found: Stats): void {
  if (found.isFile()) return;
  if (found.isDirectory()) throw new FileError(path, `could not be read: ${reasons["EISDIR"]}`);
  const what = found.isFIFO() ? "a pipe" : found.isSocket() ? "a socket" : "a device";
  throw new FileError(path, `could not be read: it is ${what}, not an ordinary file`);
}

/** JSON with two spaces and a final newline, written by {@link writeFileAtomic}. NaN and infinities become null. */
export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

const reasons: Record<string, string> = {
  ENOENT: "no such file or folder",
  ENOSPC: "the disk is full; free some space and run the command again",
  EDQUOT: "the disk quota is used up; free some space and run the command again",
  EFBIG:
    "it would be larger than files may be here (ulimit -f, or the file system); raise that, or choose another folder",
  EIO: "the disk reported an error; look after it, or choose another folder",
  ENAMETOOLONG: "its name is too long for the file system",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  EISDIR: "it is a folder, not a file",
  ENOTDIR: "a part of the path is a file, not a folder",
  EMFILE: "too many open files",
};

/** One clear sentence for a failed file operation; errors of ours pass through unchanged. */
export function describeFileError(path: string, action: string, error: unknown): Error {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (typeof code === "string" && typeof (error as NodeJS.ErrnoException).syscall === "string") {
    return new FileError(path, `${action}: ${reasons[code] ?? code}`, { cause: error });
  }
  return error instanceof Error ? error : new Error(String(error));
}
