import { type Content, html, type Html } from "../html.ts";

/**
 * A table that scrolls sideways where it is wider than the screen.
 *
 * @param caption - what it lists; stands above it, because a caption would be as wide as the table, and names it for those who do not see it
 * @param rows - the first cell of each is its head
 */
export function table(caption: string, head: readonly Content[], rows: readonly (readonly Content[])[]): Html {
  return html`<p class="caption">${caption}</p><div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table>
    <thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>
    <tbody>${rows.map(([first, ...cells]) => html`<tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
