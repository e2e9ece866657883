import { expect, test } from "@jest/globals";
import { html, trusted } from "../src/html.ts";

test("text is text wherever it stands: tags, attributes, control and direction characters", () => {
  const hostile = `"><script>alert('x')</script>\u202e\u0000&`;
  expect(html`<p title="${hostile}">${hostile}</p>`.markup).toBe(
    '<p title="&#34;&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;\\u{202e}\\x00&#38;">' +
      "&#34;&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;\\u{202e}\\x00&#38;</p>",
  );
});

test("markup is put in as it is, lists are joined, nothing is nothing, 0 is 0", () => {
  const item = html`<li>${1}</li>`;
  expect(html`${[item, item]}${null}${undefined}${false}${0}${trusted("<hr>")}`.markup).toBe(
    "<li>1</li><li>1</li>0<hr>",
  );
});
