import { InvalidArtifactError } from "./errors.ts";
import { printable } from "./text/printable.ts";
import { show } from "./text/show.ts";

/*
 * Names out of files become names of files: case ids, dataset, plans and configuration names, data identifiers. A
 * received dataset or plan must not lead a write anywhere else, nor give a file a name that another system reads
 * otherwise. This is the one rule for all of them; every schema that reads such a name uses it.
 */

/** File systems take 255 bytes; what we put around a name (`nnUNetTrainer__…`, `_probabilities.nii.gz`, `.tmp`) needs the rest. */
const longestName = 160;

/** Windows opens these as devices, with any ending. */
const deviceName = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;

/** Letters of Persian and of Indic scripts need them, although they are not seen. */
const joiners = /[\u200c\u200d]/g;

/** Keys that mean something to JavaScript's objects, so that a table by name could lose or confuse them. */
const languageNames = new Set(["__proto__", "constructor", "prototype"]);

/**
 * What was expected of a text that cannot be the name of one file or folder; undefined if it can.
 *
 * @example pathSegmentProblem("../x"); // 'expected a name without / and \\, because it becomes the name of a file'
 */
export function pathSegmentProblem(name: string): string | undefined {
  const expected = (what: string) => `expected a name ${what}, because it becomes the name of a file`;
  if (name === "") return expected("that is not empty");
  if (utf8Length(name) > longestName) return expected(`of at most ${longestName} bytes`);
  if (name === "." || name === "..") return expected("that is not . or ..");
  if (/[/\\]/.test(name)) return expected("without / and \\");
  const withoutJoiners = name.replace(joiners, "");
  if (printable(withoutJoiners) !== withoutJoiners)
    return expected("without control, direction and invisible characters");
  if (name.trim() !== name) return expected("without blanks at its ends");
  if (/^\.|\.$/.test(name)) return expected("that neither begins nor ends with a dot");
  if (deviceName.test(name)) return expected("that is no device of Windows");
  return reservedNameProblem(name);
}

/** What was expected of a text that cannot be a key of a table; undefined if it can. For names that become no file. */
export function reservedNameProblem(name: string): string | undefined {
  return languageNames.has(name) ? "expected another name, because this one is reserved by JavaScript" : undefined;
}

/**
 * A name that is fit to be that of a file or folder.
 *
 * @param path - of the artefact that holds the name, for the error
 * @param field - where it stands there
 * @throws {InvalidArtifactError} if it is not one name
 */
export function checkPathSegment(name: string, path: string, field: string): string {
  const problem = pathSegmentProblem(name);
  if (problem !== undefined) throw new InvalidArtifactError(path, field, `${problem}, got ${show(name)}`);
  return name;
}

/**
 * What was expected of a text that cannot be the ending of files; undefined if it can.
 *
 * @example fileEndingProblem(".nii.gz"); // undefined
 */
export function fileEndingProblem(ending: string): string | undefined {
  const ok = ending.length <= 32 && /^(?:\.[\w+-]+)+$/.test(ending);
  return ok ? undefined : "expected an ending with its dot, such as .nii.gz";
}

/** Bytes of a text as UTF-8, counted no further than needed to know that it is too long. */
function utf8Length(text: string): number {
  return text.length > longestName ? text.length : new TextEncoder().encode(text).length;
}
