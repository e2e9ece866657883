import {
  type DatasetJson,
  datasetFromJson,
  type Fingerprint,
  fingerprintFromJson,
  parseJson,
  plansToJson,
} from "@nnunet/core";
import {
  defaultPlanner,
  drawNetwork,
  explainPlans,
  planWarnings,
  plansTable,
  type RuleSet,
  ruleSets,
} from "@nnunet/planner";
import { element, find, messageOf, showGiven, showNotes, showProblem } from "./page.ts";

/** The right view: a fingerprint in, the plan and its reasons out. */
export function createPlanView() {
  const view = find("#plan");
  const rules = find<HTMLSelectElement>("#rules");
  const memory = find<HTMLInputElement>("#memory");
  const reading = find("#reading");
  let fingerprint: Fingerprint | undefined;
  let dataset: DatasetJson | undefined;

  for (const name of Object.keys(ruleSets)) rules.append(element("option", name, { value: name }));
  const ruleSet = () => (ruleSets as Readonly<Record<string, RuleSet>>)[rules.value]!;
  const usualMemory = () => {
    memory.value = String(ruleSet().gpuMemoryGb);
  };
  usualMemory();

  async function takeJson(files: readonly File[]): Promise<void> {
    showProblem(view, undefined);
    try {
      for (const file of files) take(file.name, parseJson(await file.text(), file.name));
    } catch (error) {
      return showProblem(view, messageOf(error));
    }
    plan();
  }

  function take(name: string, json: unknown): void {
    const has = (key: string) => typeof json === "object" && json !== null && key in json;
    if (has("shapes_after_crop")) {
      fingerprint = fingerprintFromJson(json, name);
      showGiven("fingerprint", name, [`of ${fingerprint.shapesAfterCrop.length} cases`]);
    } else if (has("channel_names") || has("labels") || has("modality")) {
      dataset = datasetFromJson(json, name);
      showGiven("dataset", name, [`${dataset.channelNames.join(", ")}; ${Object.keys(dataset.labels).join(", ")}`]);
    } else {
      throw new Error(`${name} is neither a dataset_fingerprint.json (shapes_after_crop) nor a dataset.json (labels)`);
    }
  }

  function plan(): void {
    if (!fingerprint || !dataset) return;
    showProblem(view, undefined);
    const download = find<HTMLAnchorElement>("#download-plan");
    download.hidden = true;
    reading.setAttribute("data-empty", "");
    try {
      const options = { ruleSet: ruleSet().name as keyof typeof ruleSets, gpuMemoryGb: Number(memory.value) };
      const plans = defaultPlanner.plan(fingerprint, dataset, options);
      const drawings = Object.entries(plans.configurations).map(([name, configuration]) => {
        const svg = new Blob([drawNetwork(configuration)], { type: "image/svg+xml" });
        const picture = element("img", "", { src: URL.createObjectURL(svg), alt: `The network of ${name}` });
        return element("details", [element("summary", `The network of ${name}`), picture]);
      });
      showNotes(view, planWarnings(plans, fingerprint, dataset));
      reading.replaceChildren(
        element("h2", "The plan"),
        element("pre", plansTable(plans), { tabindex: "0", class: "table" }),
        ...drawings,
        element("h2", "Why it is so"),
        element("pre", explainPlans(plans), { class: "prose" }),
      );
      reading.removeAttribute("data-empty");
      if (download.href) URL.revokeObjectURL(download.href);
      const text = `${JSON.stringify(plansToJson(plans), null, 2)}\n`;
      download.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      download.download = `${plans.plansName}.json`;
      download.hidden = false;
    } catch (error) {
      showProblem(view, messageOf(error));
    }
  }

  rules.onchange = () => {
    usualMemory();
    plan();
  };
  memory.onchange = plan;
  return { takeJson };
}
