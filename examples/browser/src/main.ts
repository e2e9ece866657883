import { droppedFiles } from "./dropped-files.ts";
import { find, showProblem } from "./page.ts";
import { createPlanView } from "./plan-view.ts";
import { createSegmentView } from "./segment-view.ts";
import { sortFiles } from "./sort-files.ts";

const views = { segment: createSegmentView(), plan: createPlanView() };
type ViewName = keyof typeof views;
const buttons = [...document.querySelectorAll<HTMLButtonElement>("nav [data-view]")];

function show(name: ViewName): void {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset["view"] === name));
  for (const other of Object.keys(views)) find(`#${other}`).hidden = other !== name;
}

async function take(files: readonly File[]): Promise<void> {
  const { models, image, json, problem } = await sortFiles(files);
  if (json.length > 0) {
    show("plan");
    await views.plan.takeJson(json);
  }
  if (models.length > 0 || image) show("segment");
  // The model first: it says how many channels belong together.
  for (const model of models.slice(-1)) await views.segment.takeModel(model);
  if (image) await views.segment.takeImage(image);
  if (problem !== undefined) showProblem(find("section:not([hidden])"), problem);
}

for (const button of buttons) button.onclick = () => show(button.dataset["view"] as ViewName);
for (const input of document.querySelectorAll<HTMLInputElement>("input[type=file]")) {
  input.onchange = () => {
    const files = [...(input.files ?? [])];
    input.value = ""; // so that the same file can be chosen again
    void take(files);
  };
}
const body = document.body;
body.ondragover = (event) => {
  event.preventDefault();
  body.toggleAttribute("data-dragging", true);
};
body.ondragleave = (event) => {
  if (event.relatedTarget === null) body.toggleAttribute("data-dragging", false);
};
body.ondrop = (event) => {
  event.preventDefault();
  body.toggleAttribute("data-dragging", false);
  if (event.dataTransfer) void droppedFiles(event.dataTransfer).then(take);
};
