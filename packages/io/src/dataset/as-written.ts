import { type CaseFiles, FileError, ImageFileError, isNnunetError, ShapeMismatchError } from "@nnunet/core";

/*
 * dataset.json may name files by environment variables. What they hold is nobody's business but this machine's:
 * whatever is told of such a file calls it as dataset.json does.
 */

/** A text in which the files of a case are called as dataset.json calls them. */
export function asWritten({ written }: Pick<CaseFiles, "written">, text: string): string {
  if (!written) return text;
  return Object.entries(written).reduce((so, [path, name]) => so.replaceAll(path, name), text);
}

/** Runs work on a case; errors call its files as dataset.json does. */
export async function callingFilesAsWritten<T>(files: CaseFiles, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!files.written) throw error;
    const text = (part: string) => asWritten(files, part);
    if (isNnunetError(error, "IMAGE_FILE"))
      throw new ImageFileError(text(error.path), error.field, text(error.problem));
    if (isNnunetError(error, "FILE")) throw new FileError(text(error.path), text(error.problem));
    if (isNnunetError(error, "SHAPE_MISMATCH")) {
      throw new ShapeMismatchError(text(error.subject), error.expected, error.received, text(error.hint));
    }
    throw error;
  }
}
