import type { Decision } from "@nnunet/core";
import { html, type Html, trusted } from "../html.ts";
import type { ReportData } from "../report-data.ts";

const shownRejections = 4;

/** Why the networks are as they are, and their drawings. */
export function planSection({ plan, networks }: ReportData): Html | undefined {
  if (plan === undefined) return undefined;
  const { decisions } = plan;
  const order = [...new Set(["dataset", ...decisions.map(({ configuration }) => configuration)])];
  return html`<section id="plan"><h2>The plan, and its reasons</h2>
    <p>Plan <b>${plan.name}</b>, made by the rules “${plan.ruleSet}” (planner ${plan.planner}).</p>
    ${decisions.length === 0 && html`<p class="notice">It carries no explanation: it was not made by nnunet-ts, or was made by hand.</p>`}
    ${order.map((name) => {
      const own = decisions.filter(({ configuration }) => configuration === name);
      if (own.length === 0) return undefined;
      return html`<details><summary>${name === "dataset" ? "For all images" : `The network ${name}`}</summary><dl>${own.map(decision)}</dl></details>`;
    })}
    ${
      networks.length > 0 &&
      html`<details><summary>Drawings of the networks</summary><div class="networks">${networks.map(
        ({ configuration, svg }) =>
          html`<figure class="network"><div class="scroll" role="region" tabindex="0" aria-label="Drawing of the network ${configuration}">${trusted(svg)}</div><figcaption>${configuration}</figcaption></figure>`,
      )}</div></details>`
    }
  </section>`;
}

function decision({ rule, text, source, rejected }: Decision): Html {
  const more = rejected.length - shownRejections;
  return html`<dt>${rule.replaceAll("-", " ")}</dt><dd><p>${text}</p>
    ${rejected.length > 0 && html`<ul>${rejected.slice(0, shownRejections).map(({ alternative, reason }) => html`<li>Not ${shown(alternative)}: ${reason}</li>`)}${more > 0 && html`<li>… ${more} more in plans.json</li>`}</ul>`}
    <p class="aside">${source}</p></dd>`;
}

const shown = (value: unknown) => (typeof value === "string" ? value : (JSON.stringify(value) ?? "").slice(0, 200));
