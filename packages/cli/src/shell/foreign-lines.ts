import { stripVTControlCharacters } from "node:util";

/** The beginning of what V8 prints when it gives up: a stack for its own developers. */
const lastWords = /^(FATAL ERROR|<--- |# Fatal|#$|terminate called|-+ Native stack trace)/;

/**
 * What native code and Node itself print, line by line and without colours. From the first line of a crash on, the
 * lines are kept for the one sentence about it.
 */
export function foreignLines(say: (line: string) => void): {
  take(text: string): void;
  /** Gives out an unfinished line. */
  end(): void;
  readonly crash: readonly string[];
} {
  const crash: string[] = [];
  let rest = "";
  const line = (raw: string) => {
    const text = stripVTControlCharacters(raw).trim();
    if (crash.length > 0 || lastWords.test(text)) crash.push(text);
    else if (text !== "") say(text);
  };
  return {
    take(text) {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop()!;
      for (const one of lines) line(one);
      if (rest.length > 65_536) {
        line(rest);
        rest = "";
      }
    },
    end() {
      if (rest !== "") line(rest);
      rest = "";
    },
    crash,
  };
}
