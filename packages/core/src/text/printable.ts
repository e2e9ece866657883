import stringWidth from "string-width";

/*
 * Names come from files that somebody sent: case ids, labels, channels, plans, tensors, paths. Printed as they are, they
 * can set a terminal's title, clear its screen, write lines that look like ours, or turn the order of what stands
 * beside them. This is the one place that takes their power away; whatever prints goes through it.
 */

/** C0 and C1, directions, zero-width and other characters that are not seen, line separators, halves of a pair. */
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * A text as one line that is only seen: characters that act or hide are written out.
 *
 * @example printable("a\u001b[2Jb\nc"); // "a\\x1b[2Jb\\nc"
 * @example printable("cba\u202e.nii"); // "cba\\u{202e}.nii"
 */
export function printable(text: string): string {
  return text.replace(unseen, (character) => {
    const code = character.codePointAt(0)!;
    const hex = code.toString(16);
    return shortEscapes[character] ?? (code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`);
  });
}

/**
 * A name for a table, a drawing or a sentence: {@link printable}, and of a long one the beginning and the end.
 *
 * @param most - characters
 */
export function printableName(name: string, most = 120): string {
  const shown = printable(name);
  if (shown.length <= most) return shown;
  const half = Math.floor((most - 1) / 2);
  return `${shown.slice(0, half)}…${shown.slice(shown.length - half)}`.replace(/\p{Cs}/gu, "");
}

/** {@link printableName}, safe between the tags and in the attributes of SVG, XML and HTML. */
export function printableXml(text: string): string {
  return printableName(text, 400).replace(/[<>&"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/**
 * JSON whose values are exact and whose text is only seen: what {@link printable} writes out is escaped here.
 *
 * @param indent - spaces; one line by default
 */
export function printableJson(value: unknown, indent?: number): string {
  // what is left of C0 is the line breaks between values
  return (JSON.stringify(value, null, indent) ?? "null").replace(unseen, (character) =>
    character === "\n"
      ? character
      : Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
          .map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`)
          .join(""),
  );
}

/** Columns that a printable text takes on a terminal: 2 for wide characters, 0 for accents of their own. */
export function displayWidth(text: string): number {
  return stringWidth(text);
}

/** The text filled with spaces to a width in columns, at its end or its start. */
export function padded(text: string, width: number, side: "end" | "start" = "end"): string {
  const spaces = " ".repeat(Math.max(0, width - displayWidth(text)));
  return side === "end" ? text + spaces : spaces + text;
}
