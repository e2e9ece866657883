/* Small things that every part of the page does. */

/** The one element that a selector finds. */
export function find<T extends Element = HTMLElement>(selector: string, within: ParentNode = document): T {
  const found = within.querySelector<T>(selector);
  if (!found) throw new TypeError(`the page lacks ${selector}`);
  return found;
}

/** An element with text or children; text is never taken as HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  content: string | readonly Node[] = "",
  attributes: Readonly<Record<string, string>> = {},
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...(typeof content === "string" ? [content] : content));
  return made;
}

/** Shows what is wrong in a view, in one sentence; undefined takes it away. */
export function showProblem(view: Element, problem: string | undefined): void {
  const place = find(".problem", view);
  place.textContent = problem ?? "";
  place.hidden = problem === undefined;
}

/** Shows what deserves a look. */
export function showNotes(view: Element, notes: readonly string[]): void {
  const place = find(".notes", view);
  place.replaceChildren(...[...new Set(notes)].map((note) => element("li", note)));
  place.hidden = notes.length === 0;
}

/** What was given: a name, and lines about it. */
export function showGiven(id: string, name: string, lines: readonly string[] = []): void {
  const place = find(`#${id}`);
  place.removeAttribute("data-empty");
  find("dd", place).replaceChildren(element("b", name), ...lines.map((line) => element("span", line)));
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
