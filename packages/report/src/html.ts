import { printable } from "@nnunet/core";

/** A piece of markup. Only {@link html} and {@link trusted} make one, so that no text becomes markup by mistake. */
export class Html {
  constructor(readonly markup: string) {}
}

export type Content = Html | string | number | null | undefined | false | readonly Content[];

/**
 * Markup with values in it. Texts are escaped, and their control, direction and invisible characters written out: names
 * and messages come from files that somebody sent. Null, undefined and false are nothing, lists are joined.
 *
 * @example html`<p title="${'"'}">${"<b>"}</p>`.markup; // <p title="&#34;">&#60;b&#62;</p>
 */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(parts.reduce((text, part, i) => text + markupOf(values[i - 1]) + part));
}

/** Markup that code of ours wrote: a drawing, a style sheet. Never text from a file. */
export const trusted = (markup: string) => new Html(markup);

function markupOf(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (content instanceof Html) return content.markup;
  if (Array.isArray(content)) return content.map(markupOf).join("");
  return printable(String(content)).replace(/[<>&"'`]/g, (character) => `&#${character.charCodeAt(0)};`);
}
