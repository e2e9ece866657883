import { mostEntries } from "./artefact-bounds.ts";
import { InvalidArtifactError } from "../errors.ts";
import { jsonFault } from "./json-fault.ts";

/*
 * One door for all JSON that comes from outside. What the file may cost is decided from its text, before it is parsed:
 * deep nesting ends later recursion, millions of empty lists take hundreds of bytes each, and a table of a million keys
 * takes seconds whatever is asked of it.
 */

/** Plans nest eight levels deep, other tools' keys may nest more. */
const deepest = 100;

/** A fingerprint of 100,000 cases has 2 million. */
const mostValues = 4_000_000;

export interface ParseJsonOptions {
  /** Where in `path` the text stands, for the error. */
  readonly field?: string;
  /** What to do about a text that is no JSON. */
  readonly remedy?: string;
}

/**
 * Parses JSON that somebody may have sent, also as Python's `json` module writes it: with bare `NaN`, `Infinity` and
 * `-Infinity`, which are no JSON and which become null here, as they do when we write them.
 *
 * @param path - named in errors
 * @throws {InvalidArtifactError} if it is not JSON (with line and column), begins with a byte-order mark, nests deeper
 *   than 100 levels, has more than 4 million values or a table of more than 100,000 keys, or a key `__proto__`
 * @example parseJson('{"Dice": NaN, "file": "NaN"}', "summary.json"); // { Dice: null, file: "NaN" }
 */
export function parseJson(
  text: string,
  path: string,
  { field = "", remedy = "correct or remake it" }: ParseJsonOptions = {},
): unknown {
  const fail = (problem: string, cause?: unknown) => new InvalidArtifactError(path, field, problem, { cause });
  if (text.charCodeAt(0) === 0xfeff) {
    throw fail("not valid JSON (it begins with a byte-order mark, which cannot be seen); save it as UTF-8 without one");
  }
  const { problem, plain } = survey(text);
  if (problem !== undefined) throw fail(`${problem}; ${remedy}`);
  let value: unknown;
  try {
    value = JSON.parse(plain);
  } catch (cause) {
    // Python's numbers must not shift the places behind them.
    const checked = text.replace(/-?Infinity|NaN/g, (name) => "0".padEnd(name.length));
    const { line, column, problem } = jsonFault(checked) ?? { line: 1, column: 1, problem: (cause as Error).message };
    throw fail(`not valid JSON (line ${line}, column ${column}: ${problem}); ${remedy}`, cause);
  }
  // Only a text with one of these can spell the key.
  if ((text.includes("__proto__") || text.includes("\\u")) && hasPrototypeKey(value)) {
    throw fail(`it has a key "__proto__", which is reserved by JavaScript; rename or remove it`);
  }
  return value;
}

/** What the text would cost, and the text with Python's numbers replaced by null. */
function survey(text: string): { readonly problem?: string; readonly plain: string } {
  let depth = 0;
  /** Commas seen so far in the list or table of each depth. */
  const commas = [0];
  let values = 0;
  let inText = false;
  const parts: string[] = [];
  let copied = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (inText) {
      if (code === 0x5c) at++;
      else if (code === 0x22) inText = false;
    } else if (code === 0x22) inText = true;
    else if (code === 0x5b || code === 0x7b) {
      values++;
      if (++depth > deepest) return { problem: `it nests deeper than ${deepest} levels`, plain: text };
      commas[depth] = code === 0x7b ? 0 : Number.NEGATIVE_INFINITY; // lists may be long
    } else if (code === 0x5d || code === 0x7d) depth--;
    else if (code === 0x2c) {
      values++;
      if (++commas[depth]! >= mostEntries) {
        return { problem: `it has a table of more than ${mostEntries.toLocaleString("en")} keys`, plain: text };
      }
    } else if (code === 0x4e || code === 0x49) {
      const name = code === 0x4e ? "NaN" : "Infinity";
      if (!text.startsWith(name, at)) continue;
      const start = name === "Infinity" && text[at - 1] === "-" ? at - 1 : at;
      parts.push(text.slice(copied, start), "null");
      at += name.length - 1;
      copied = at + 1;
    }
    if (values > mostValues) {
      return { problem: `it has more than ${mostValues.toLocaleString("en")} values`, plain: text };
    }
  }
  return { plain: copied === 0 ? text : parts.join("") + text.slice(copied) };
}

/** Whether an object anywhere in a parsed JSON has a key `__proto__` of its own. Depth is bounded by the survey. */
function hasPrototypeKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasPrototypeKey);
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(hasPrototypeKey);
}
