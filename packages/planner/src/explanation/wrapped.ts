/** Breaks a paragraph into lines of at most 100 characters. */
export function wrapped(text: string, indent = "", hanging = indent): string[] {
  const lines: string[] = [];
  let line = indent;
  // a number stays with its percent sign
  for (const word of text.split(/ (?!%)/)) {
    const start = lines.length === 0 ? indent : hanging;
    if (line !== start && line.length + 1 + word.length > 100) {
      lines.push(line);
      line = hanging + word;
    } else {
      line += line === start ? word : ` ${word}`;
    }
  }
  return [...lines, line];
}
