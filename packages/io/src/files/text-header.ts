import { basename, dirname, join } from "node:path";
import { elementCount, ImageFileError } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { readPrefix } from "./bounded-file.ts";
import { leadsOut } from "./inside-folder.ts";

/*
 * What NRRD and MetaImage share: a header of text lines, then voxels in the same file or in another one beside it.
 */

/** Segmentations of 3D Slicer describe every segment in the header; nobody needs more than this. */
const largestTextHeader = 2 ** 20;

export interface TextHeader {
  readonly lines: readonly string[];
  /** Where the voxels begin if they are in the same file. */
  readonly end: number;
}

/**
 * The lines up to the one that ends the header.
 *
 * @param isLast - the line after which the voxels begin; it is left out of `lines` if empty
 * @param mayEnd - whether the file may end without such a line (a header whose voxels are in another file)
 */
export async function readTextHeader(
  path: string,
  isLast: (line: string) => boolean,
  mayEnd: boolean,
): Promise<TextHeader> {
  const { bytes } = await readPrefix(path, largestTextHeader);
  const lines: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const newline = bytes.indexOf(10, at);
    if (newline < 0 && !(mayEnd && bytes.length < largestTextHeader)) break;
    const end = newline < 0 ? bytes.length : newline;
    const line = bytes.toString("utf8", at, end).replace(/\r$/, "");
    at = end + 1;
    if (line !== "") lines.push(line);
    if (isLast(line)) return { lines, end: Math.min(at, bytes.length) };
  }
  if (mayEnd && bytes.length < largestTextHeader) return { lines, end: bytes.length };
  throw new ImageFileError(path, "", "the header does not end; the file is cut off or is something else");
}

/**
 * Path of the voxels that a header points to. They must lie in the header's own folder: a header is data from
 * somewhere else, and must not make us read any file of this machine.
 *
 * @throws {ImageFileError} for a path that leads elsewhere, also by a link
 */
export async function detachedFile(headerPath: string, field: string, name: string): Promise<string> {
  name = name.replace(/^\.\//, "");
  const refuse = (problem: string) => new ImageFileError(headerPath, field, problem);
  if (name === "" || basename(name) !== name || name === ".." || name.includes("\\") || name.includes("\0")) {
    throw refuse(`expected the name of a file in the same folder, got ${JSON.stringify(name)}`);
  }
  const path = join(dirname(headerPath), name);
  if (!(await exists(path)))
    throw refuse(`the file ${JSON.stringify(name)} with the voxels is missing beside the header`);
  if (await leadsOut(dirname(headerPath), path)) {
    throw refuse(`${JSON.stringify(name)} is a link that leads out of the folder`);
  }
  return path;
}

/**
 * A list of numbers as text, each checked.
 *
 * @param count - how many there must be
 */
export function numbers(path: string, field: string, text: string, count: number): number[] {
  const parts = text.trim().split(/\s+/);
  const values = parts.map((part) =>
    // not `\d+\.?\d*`, which takes quadratic time to refuse a long one
    /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$/.test(part) ? Number(part) : Number.NaN,
  );
  if (values.length !== count || !values.every(Number.isFinite)) {
    throw new ImageFileError(
      path,
      field,
      `expected ${count} number${count === 1 ? "" : "s"}, got ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return values;
}

/** The extents of the axes: positive whole numbers whose product is a size that a file can have. */
export function extents(path: string, field: string, text: string, count: number): number[] {
  const sizes = numbers(path, field, text, count);
  if (!sizes.every((n) => Number.isSafeInteger(n) && n > 0) || !Number.isSafeInteger(8 * elementCount(sizes))) {
    throw new ImageFileError(
      path,
      field,
      `expected positive whole numbers of voxels, got ${JSON.stringify(text.slice(0, 80))}`,
    );
  }
  return sizes;
}
