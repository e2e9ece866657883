/** Where a text stops being JSON, and what would have been right there. */
export interface JsonFault {
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in UTF-16 units. */
  readonly column: number;
  readonly problem: string;
}

/**
 * Finds the first place at which a text is not JSON. `JSON.parse` says it in words that differ between versions of
 * Node and often without the place. One pass, no recursion.
 *
 * @returns undefined if the text is JSON
 * @example jsonFault('{ "a": 1,\n }'); // { line: 2, column: 2, problem: 'expected a key in quotation marks, got "}"; …' }
 */
export function jsonFault(text: string): JsonFault | undefined {
  const open: ("[" | "{")[] = [];
  let at = 0;
  let expected: "value" | "value or ]" | "key" | "key or }" | "colon" | "next" = "value";

  const found = (): string => {
    if (at >= text.length) return "the file ends";
    const word = /[^\s"{}[\],:]{1,20}/y;
    word.lastIndex = at;
    return `got ${JSON.stringify(word.exec(text)?.[0] ?? text[at])}`;
  };
  const fault = (problem: string, place = at): JsonFault => {
    const before = text.slice(0, place);
    const lineStart = before.lastIndexOf("\n") + 1;
    let line = 1;
    for (let i = before.indexOf("\n"); i >= 0; i = before.indexOf("\n", i + 1)) line++;
    return { line, column: place - lineStart + 1, problem };
  };

  for (;;) {
    while (at < text.length && isBlank(text.charCodeAt(at))) at++;
    const c = text[at];
    if (expected === "next") {
      if (open.length === 0) return c === undefined ? undefined : fault(`expected the end of the file, ${found()}`);
      const closing = open.at(-1) === "[" ? "]" : "}";
      if (c === closing) open.pop();
      else if (c === ",") expected = closing === "]" ? "value" : "key";
      else return fault(`expected a comma or ${closing}, ${found()}`);
      at++;
      continue;
    }
    if (expected === "colon") {
      if (c !== ":") return fault(`expected a colon after the key, ${found()}`);
      expected = "value";
      at++;
      continue;
    }
    if ((expected === "key or }" && c === "}") || (expected === "value or ]" && c === "]")) {
      open.pop();
      expected = "next";
      at++;
      continue;
    }
    if (expected === "key" || expected === "key or }") {
      if (c !== '"') {
        const hint = c === "}" ? "; remove the comma before it" : "";
        return fault(`expected a key in quotation marks, ${found()}${hint}`);
      }
      expected = "colon";
    } else if (c === "[" || c === "{") {
      open.push(c);
      expected = c === "[" ? "value or ]" : "key or }";
      at++;
      continue;
    } else expected = "next";
    if (c === '"') {
      const end = endOfString(text, at + 1);
      if (typeof end !== "number") return fault(end.problem, end.at);
      at = end;
      continue;
    }
    const word = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])|(?:true|false|null)(?!\w)/y;
    word.lastIndex = at;
    if (!word.test(text)) {
      const hint = c === "]" ? "; remove the comma before it" : c === "'" ? '; texts stand between two "' : "";
      return fault(`expected a value, ${found()}${hint}`);
    }
    at = word.lastIndex;
  }
}

/** Behind the closing quotation mark, or what is wrong before it. */
function endOfString(text: string, start: number): number | { readonly at: number; readonly problem: string } {
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return { at, problem: `a text is not closed by " on its line, or holds a control character` };
    if (code !== 0x5c) continue;
    at++;
    if (text[at] === "u" && /^[0-9a-fA-F]{4}$/.test(text.slice(at + 1, at + 5))) at += 4;
    else if (!'"\\/bfnrt'.includes(text[at] ?? "x")) {
      return {
        at: at - 1,
        problem: 'after \\ only one of " \\ / b f n r t or u and four hexadecimal digits may stand',
      };
    }
  }
  return { at: text.length, problem: `a text is not closed by "` };
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
