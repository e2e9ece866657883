import { type Content, html, type Html } from "../html.ts";

/**
 * A table that scrolls sideways where it is wider than the screen.
 *
 * @param caption - what it lists; also its name for those who do not see it
 * @param rows - the first cell of each is its head
 */
export function table(caption: string, head: readonly Content[], rows: readonly (readonly Content[])[]): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption>
    <thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
    <tbody>${rows.map(([first, ...cells]) => html`<tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
