/**
 * Parses JSON, also as Python's `json` module writes it: with bare `NaN`, `Infinity` and `-Infinity`, which are no JSON
 * and which become null here, as they do when we write them.
 *
 * @throws {SyntaxError} if it is neither
 * @example parseJson('{"Dice": NaN, "file": "NaN"}'); // { Dice: null, file: "NaN" }
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // Strings are matched first, so that a case called NaN stays one; an unfinished string ends at its line.
    const replaced = text.replace(/"(?:[^"\\\n]|\\.)*"?|-?\b(?:NaN|Infinity)\b/g, (token) =>
      token.startsWith('"') ? token : "null",
    );
    if (replaced === text) throw error;
    return JSON.parse(replaced);
  }
}
