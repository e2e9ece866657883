import { expect, test } from "@jest/globals";
import { createRandom } from "@nnunet/core";
import { drawSlice, type ReportData, renderReport, reportMarker } from "@nnunet/report";
import { parseHTML } from "linkedom";
import { trustChecks } from "../src/sections/trust-checks.ts";
import { sampleReport } from "./sample-report.ts";

const page = (data: ReportData) => {
  const markup = renderReport(data);
  return { markup, document: parseHTML(markup).document };
};
/** Drawn once: most tests look at the same page. */
const sample = page(sampleReport());
const textOf = (node: { textContent: string | null } | null) => (node?.textContent ?? "").replace(/\s+/g, " ").trim();

test("the first screen says how good it is, where it fails and whether to trust it, in words and numbers", () => {
  const { document } = sample;
  const first = textOf(document.querySelector("#answer"));
  expect(first).toContain("On 40 unseen cases the mean Dice is 0.864 (0.851 to 0.877)");
  expect(first).toContain("How good is it? 0.864 mean Dice");
  expect(first).toMatch(/Where does it fail\? 1 of 40 cases below 0\.7 The worst is case 12, Dice 0\.4\d\d/);
  expect(first).toContain("The weakest label is posterior, mean Dice 0.844.");
  expect(first).toContain("posterior was missed altogether in 1 case.");
  expect(first).toContain("comes out too small: volume −4.8 % on average.");
  expect(first).toContain("Can I trust it? So far nothing speaks against it");
  expect(first).toContain("those of what is handed over: 2d + 3d_fullres, with its postprocessing");
});

test("one heading per level in order, every picture described, every link within the page leads somewhere", () => {
  const { document } = sample;
  const levels = [...document.querySelectorAll("h1, h2, h3")].map(({ tagName }) => Number(tagName[1]));
  expect(levels[0]).toBe(1);
  expect(levels.filter((level) => level === 1)).toHaveLength(1);
  for (const [i, level] of levels.entries()) if (i > 0) expect(level - levels[i - 1]!).toBeLessThanOrEqual(1);
  const pictures = [...document.querySelectorAll("svg[role=img]")];
  expect(pictures.length).toBeGreaterThan(10);
  for (const picture of pictures) expect(picture.getAttribute("aria-label")!.length).toBeGreaterThan(10);
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const targets = [...document.querySelectorAll("a, use")].map((link) => link.getAttribute("href")!);
  for (const target of targets) expect(ids).toContain(target.replace("#", ""));
});

test("needs nothing but itself: no script, no address, and a policy that forbids both", () => {
  const { markup, document } = sample;
  expect(markup).toContain(reportMarker);
  expect(document.querySelectorAll("script, link, iframe, object, embed, img")).toHaveLength(0);
  const policy = document.querySelector("meta[http-equiv]")!.getAttribute("content");
  expect(policy).toBe("default-src 'none'; style-src 'unsafe-inline'; img-src data:");
  const addresses = markup.match(/(?:https?:)?\/\/[a-z][^\s"'<]*/g) ?? [];
  expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  expect(markup).not.toMatch(/\son\w+=/);
});

test("hostile names are text, also in charts: tags, direction characters, ten thousand characters", () => {
  const script = `</text></title><script>alert(1)</script><img src=x onerror=alert(1)>`;
  const hostile = sampleReport([`${script}\u202egnp.`, `${"x".repeat(10_000)}" onload="alert(1)`]);
  const { markup, document } = page({
    ...hostile,
    dataset: { ...hostile.dataset, name: script, channels: [script] },
    candidates: hostile.candidates.map((candidate) => ({ ...candidate, configurations: [script] })),
    choice: { ...hostile.choice!, configurations: [script], reasons: [script] },
    trainings: hostile.trainings.map((training) => ({ ...training, configuration: script })),
    warnings: [script, "y".repeat(20_000)],
    jobs: [{ id: script, state: "failed", detail: `${script}\u0007`, seconds: 1, memoryGb: 1 }],
    files: [{ name: script, sha256: script }],
    shownCases: hostile.shownCases.map((shown) => ({ ...shown, id: script, channel: script })),
  });
  expect(document.querySelectorAll("script, img")).toHaveLength(0);
  const attributes = [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames());
  expect(attributes.filter((name) => name.startsWith("on"))).toEqual([]);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
  expect(markup).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u0000-\u0008]/);
  expect(markup).not.toContain("x".repeat(200));
});

test("a base64 text that is none does not leave its attribute", () => {
  const data = sampleReport();
  const [first, ...others] = data.shownCases;
  const [slice] = first!.slices;
  const png = `"/><script>alert(1)</script>`;
  const { document } = page({ ...data, shownCases: [{ ...first!, slices: [{ ...slice!, png }] }, ...others] });
  expect(document.querySelectorAll("script")).toHaveLength(0);
});

test("before anything is trained it says so, and shows dataset and plan", () => {
  const { scores: _, choice: __, ...data } = sampleReport();
  const { document } = page({ ...data, candidates: [], shownCases: [], trainings: [], postprocessing: [], jobs: [] });
  expect(textOf(document.querySelector("#answer"))).toContain("Nothing has been scored yet");
  expect([...document.querySelectorAll("h2")].map(textOf)).toEqual([
    "Warnings",
    "The dataset",
    "The plan, and its reasons",
    "Versions and files",
  ]);
});

test("the same data give the same bytes", () => {
  expect(renderReport(sampleReport())).toBe(sample.markup);
});

test("takes care where the scores cannot be trusted: training cases, few cases, folds that are missing", () => {
  const data = sampleReport();
  const scores = data.scores!;
  const titles = (changed: Partial<ReportData>) =>
    trustChecks({ ...data, ...changed }).flatMap(({ verdict, title }) => (verdict === "look" ? [title] : []));
  expect(titles({})).toEqual([]);
  expect(titles({ scores: { ...scores, isOfTrainingCases: true } })).toEqual(["Scored on training cases"]);
  expect(titles({ scores: { ...scores, remarks: ["The cases were divided at random."] } })).toEqual([
    "Scored with a remark",
  ]);
  expect(titles({ scores: { ...scores, independentCases: 12 } })).toEqual(["Few cases"]);
  // an alarm says that they are too few for anything
  expect(titles({ scores: { ...scores, independentCases: 8, cases: scores.cases.slice(0, 8) } })).toEqual([
    "Cases without a score",
  ]);
  expect(titles({ scores: { ...scores, cases: scores.cases.slice(0, 32) } })).toEqual(["Cases without a score"]);
  const wide = { mean: 0.8, low: 0.7, high: 0.9, cases: 40 };
  expect(titles({ scores: { ...scores, dice: wide } })).toEqual(["Wide interval"]);
});

test("test images confirm the scores, or differ beyond chance", () => {
  const data = sampleReport();
  const tested = (mean: number, cases = 12): ReportData => ({
    ...data,
    tests: [
      {
        configurations: data.scores!.configurations,
        dice: { mean, low: mean - 0.01, high: mean + 0.01, cases },
        labels: [0, 1].map(() => ({ mean, low: null, high: null, cases })),
      },
    ],
  });
  const first = textOf(page(tested(0.86)).document.querySelector("#answer"));
  expect(first).toContain("On 12 test images, set aside from all of this: 0.860 (0.850 to 0.870).");
  expect(first).toContain("Confirmed on test images");
  const verdicts = (mean: number) => trustChecks(tested(mean)).map(({ verdict, title }) => `${verdict} ${title}`);
  expect(verdicts(0.86)).toContain("good Confirmed on test images");
  expect(verdicts(0.6)).toContain("look Test images differ");
  // three images confirm nothing, and have no interval worth printing
  expect(trustChecks(tested(0.86, 3)).map(({ title }) => title)).not.toContain("Confirmed on test images");
  expect(textOf(page(tested(0.86, 3)).document.querySelector("#answer"))).toContain(
    "set aside from all of this: 0.860.",
  );
});

test("a hundred labels in hundreds of cases: the weakest on the first screen, tables that can be read, a page of bounded size", () => {
  const data = sampleReport();
  const labels = Array.from({ length: 104 }, (_, i) => ({ key: String(i + 1), name: `organ ${i + 1}` }));
  const score = { referenceMl: 1, predictedMl: 1, referenceVoxels: 10, predictedVoxels: 10 };
  const cases = Array.from({ length: 300 }, (_, n) => ({
    number: n + 1,
    fold: n % 5,
    dice: 0.9,
    labels: labels.map((_, i) => ({ ...score, dice: 0.9 - i / 1000 })),
  }));
  const ofLabels = labels.map((label, i) => ({
    ...data.scores!.labels[0]!,
    ...label,
    dice: { mean: 0.9 - i / 1000, low: 0.7, high: 0.95, cases: 300 },
  }));
  const { markup, document } = page({
    ...data,
    dataset: { ...data.dataset, labels },
    scores: { ...data.scores!, cases, labels: ofLabels },
    candidates: data.candidates.map((each) => ({ ...each, labels: ofLabels.map(({ dice }) => dice) })),
    shownCases: [],
    trainings: [],
  });
  const first = textOf(document.querySelector("#answer"));
  expect(first).toContain("The 8 weakest of 104 labels");
  expect(first).toContain("organ 104 0.797");
  expect(first).not.toContain("organ 50");
  const head = textOf([...document.querySelectorAll("#scores details thead")].at(-1)!);
  expect(head).toBe("foldmean DiceweakestDice of itmL of itlabels missed");
  expect(markup.length).toBeLessThan(1_500_000);
});

test("whatever the dataset, the page stays below 4 MB: 3000 cases, 120 labels, segmentations that are noise", () => {
  const data = sampleReport();
  const random = createRandom(3);
  const side = 320;
  const noise = () => Int16Array.from({ length: side * side }, () => random.integer(0, 7));
  const labels = Array.from({ length: 120 }, (_, i) => ({
    key: String(i + 1),
    name: `organ ${i + 1} ${"x".repeat(60)}`,
  }));
  const sliced = {
    image: Float32Array.from({ length: side * side }, () => random.normal(0, 1)),
    reference: noise(),
    prediction: noise(),
    shape: [1, side, side] as [number, number, number],
    spacing: [1, 1, 1] as [number, number, number],
    saysSpacing: true,
    direction: undefined,
    labels: labels.slice(0, 6).map(({ name }, i) => ({ name, ids: [i + 1] })),
  };
  const { grey, ...drawn } = drawSlice(sliced, { across: 0, index: 0, shows: "the middle slice" });
  // noise does not become smaller as PNG
  const slice = { ...drawn, png: "A".repeat(Math.ceil((grey.length * 4) / 3)) };
  const shownCases = data.shownCases.map((shown) => ({ ...shown, slices: [slice, slice] }));
  const score = { referenceMl: 1.234, predictedMl: 1.345, referenceVoxels: 1234, predictedVoxels: 1345 };
  const cases = Array.from({ length: 3000 }, (_, n) => {
    const own = labels.map(() => ({ ...score, dice: random.uniform(0, 1) }));
    return { number: n + 1, fold: n % 5, dice: own[0]!.dice, labels: own };
  });
  const ofLabels = labels.map((label) => ({ ...data.scores!.labels[0]!, ...label }));
  const markup = renderReport({
    ...data,
    dataset: { ...data.dataset, labels, trainingCases: 3000 },
    scores: { ...data.scores!, cases, labels: ofLabels, independentCases: 3000 },
    candidates: data.candidates.map((each) => ({ ...each, labels: ofLabels.map(({ dice }) => dice) })),
    fingerprint: { ...data.fingerprint!, spacings: cases.map(({ dice }) => [1, 1, 1 + dice] as const) },
    shownCases,
  });
  expect(markup.length).toBeLessThan(4_000_000);
  expect(parseHTML(markup).document.querySelectorAll("#scores tbody")[1]!.children).toHaveLength(400);
});

test("of cases that are equally bad the first screen names the one that is shown: the last", () => {
  const data = sampleReport();
  const cases = data.scores!.cases.map((entry) => ({ ...entry, dice: entry.number > 38 ? 0.2 : 0.9 }));
  const { document } = page({ ...data, scores: { ...data.scores!, cases } });
  expect(textOf(document.querySelector("#answer"))).toContain("The worst is case 40, Dice 0.200.");
});

const alarmsOf = (data: ReportData) => [...page(data).document.querySelectorAll(".alarm strong")].map(textOf);

test("what forbids the use of the predictor stands before every number: it finds nothing, is not validated, too few cases", () => {
  const data = sampleReport();
  const scores = data.scores!;
  expect(alarmsOf(data)).toEqual([]);
  const found = (...means: number[]) => ({
    ...data,
    scores: {
      ...scores,
      labels: scores.labels.map((label, i) => ({
        ...label,
        dice: { ...label.dice, mean: means[i]! },
        isFound: means[i]! >= 0.1,
      })),
    },
  });
  expect(alarmsOf(found(0.84, 0.05))).toEqual(["It does not find 1 label."]);
  expect(alarmsOf(found(0, 0.05))).toEqual(["It finds nothing."]);
  expect(alarmsOf({ ...data, scores: { ...scores, isOfTrainingCases: true } })).toEqual(["Not validated."]);
  expect(alarmsOf({ ...data, scores: { ...scores, independentCases: 4 } })).toEqual(["Too few cases."]);
  const { scores: _, choice: __, ...unscored } = data;
  expect(alarmsOf({ ...unscored, candidates: [], shownCases: [] })).toEqual(["Not validated."]);
  const { document } = page(found(0, 0.05));
  const answer = document.querySelector("#answer")!;
  expect(textOf(answer).startsWith("It finds nothing. No label is segmented: anterior (mean Dice 0.000)")).toBe(true);
  expect(textOf(answer)).toContain("Can I trust it? No it finds nothing");
});

test("nothing is claimed for other cases from training cases, or from too few", () => {
  const data = sampleReport();
  const claim = /kind would likely|cases would likely|\(0\.851 to 0\.877\)/;
  expect(textOf(sample.document.querySelector("#answer"))).toMatch(claim);
  for (const changed of [{ isOfTrainingCases: true }, { independentCases: 9 }]) {
    const { document } = page({ ...data, scores: { ...data.scores!, ...changed } });
    expect(textOf(document.querySelector("#answer"))).not.toMatch(claim);
  }
});

test("a label that no case has is told on the first screen", () => {
  const data = sampleReport();
  const scores = data.scores!;
  const nothing = { mean: null, low: null, high: null, cases: 0 };
  const labels = scores.labels.map((label, i) => (i === 1 ? { ...label, dice: nothing } : label));
  const { document } = page({ ...data, scores: { ...scores, labels } });
  expect(textOf(document.querySelector("#answer"))).toContain(
    "Nothing is known of posterior: none of the cases has it.",
  );
});

test("what a budget gave up, and what warns, follows the first screen, which says so", () => {
  const { document } = page({
    ...sampleReport(),
    givenUp: { budget: "60 min", sentences: ["Folds 3 and 4 were not trained.", "3d_lowres was not trained."] },
  });
  expect(textOf(document.querySelector("#answer"))).toContain(
    "A budget was kept (take care) Only 60 min were allowed: Folds 3 and 4 were not trained. And 1 more, below.",
  );
  const section = document.querySelector("#answer + section")!;
  expect(section.id).toBe("warnings");
  expect([...section.querySelectorAll("li")].map(textOf)).toEqual([
    "Folds 3 and 4 were not trained.",
    "3d_lowres was not trained.",
    "Fold 3 of 3d_lowres has no scores.",
  ]);
});

test("says whether cases that belong together stayed together, and by what", () => {
  const said = (division?: ReportData["division"]) =>
    trustChecks({ ...sampleReport(), ...(division && { division }) })[0]!.text;
  expect(said({ groups: 21, isKept: true, by: "the column patient of a table" })).toContain(
    "Cases that belong together stayed together: 21 groups, by the column patient of a table.",
  );
  expect(said()).toContain("no groups were given");
  expect(said({ groups: 21, isKept: false })).toContain("the scores are too good");
});

test("says whose scores and pictures these are", () => {
  const data = sampleReport();
  const said = (shows: NonNullable<ReportData["scores"]>["shows"]) =>
    textOf(page({ ...data, scores: { ...data.scores!, shows } }).document.querySelector("#answer"));
  expect(said("before postprocessing")).toContain("before the postprocessing that is handed over with it");
  expect(said("one configuration")).toContain("no final predictor has been chosen yet");
});

test("sizes of each case in mL, or in voxels where an image does not say how large they are; each unit once, in the head", () => {
  const data = sampleReport();
  const rows = (changed: ReportData) => {
    const table = [...page(changed).document.querySelectorAll("#scores table")].at(-1)!;
    const caption = [...page(changed).document.querySelectorAll("#scores .caption")].at(-1)!;
    return [textOf(caption), textOf(table.querySelector("thead")), textOf(table.querySelector("tbody tr"))];
  };
  const [caption, head, row] = rows(data);
  expect(caption).toContain("the size of each label in mL (reference → predicted)");
  expect(head).toBe("foldmean Diceanterioranterior, mLposteriorposterior, mL");
  expect(row).toMatch(/^case 1210\.\d{3}0\.\d{3}[\d.]+ → [\d.]+0\.\d{3}[\d.]+ → [\d.]+$/);
  const cases = data.scores!.cases.map((entry) => ({
    ...entry,
    labels: entry.labels.map((label) => ({ ...label, referenceMl: null, predictedMl: null })),
  }));
  const inVoxels = rows({ ...data, scores: { ...data.scores!, cases } });
  expect(inVoxels[0]).toContain("in voxels (reference → predicted)");
  expect(inVoxels[1]).toContain("anterior, voxels");
});

test("two ensembles with long names are told apart, also where room is short", () => {
  const data = sampleReport();
  const names = [
    ["3d_lowres", "3d_cascade_fullres"],
    ["3d_lowres", "3d_fullres"],
    ["3d_fullres", "3d_cascade_fullres"],
  ];
  const candidates = data.candidates.map((each, i) => ({ ...each, configurations: names[i]! }));
  const { document } = page({ ...data, candidates, choice: { ...data.choice!, configurations: names[0]! } });
  const drawn = [...document.querySelectorAll("#choice .narrow text")].map(textOf);
  for (const name of names) expect(drawn).toContain(name.join(" + "));
});

test("the keys of the pictures end without a stray mark, and name what is in them", () => {
  const { document } = sample;
  const keys = [...document.querySelectorAll("#cases-shown .keys")].map(textOf);
  expect(keys).toEqual([
    "Outlines: anterior posterior",
    "Difference: missed: in the reference only added: in the prediction only found, with the wrong label",
  ]);
  const alone = sampleReport();
  const one = page({ ...alone, dataset: { ...alone.dataset, labels: alone.dataset.labels.slice(0, 1) } });
  expect(textOf(one.document.querySelector("#cases-shown"))).not.toContain("wrong label");
});

test("an interval from too few cases is none, of a label, a configuration or a volume", () => {
  const data = sampleReport();
  const scores = data.scores!;
  const rare = { ...scores.labels[1]!, dice: { mean: 0.8, low: 0.7, high: 0.9, cases: 3 } };
  const few = { ...rare, volumeError: { mean: -0.3, low: -0.4, high: -0.2, cases: 3 } };
  const { document } = page({ ...data, scores: { ...scores, labels: [scores.labels[0]!, few] } });
  const row = [...document.querySelectorAll("#scores tbody tr")][1]!;
  expect(textOf(row)).toContain("0.800too few");
  const answer = textOf(document.querySelector("#answer"));
  expect(answer).toContain("The weakest label is posterior, mean Dice 0.800 in the 3 cases that have it.");
  expect(answer).not.toContain("posterior comes out too small");
  const candidates = data.candidates.map((each) => ({ ...each, dice: { ...each.dice, cases: 4 } }));
  expect(textOf(page({ ...data, candidates }).document.querySelector("#choice tbody tr"))).toContain("0.864too few");
});

test("scores that can be trusted still say that results cannot, where many fail", () => {
  const data = sampleReport();
  const cases = data.scores!.cases.map((entry) => ({ ...entry, dice: entry.number > 34 ? 0.5 : 0.9 }));
  const told = trustChecks({ ...data, scores: { ...data.scores!, cases } });
  expect(told.find(({ title }) => title === "It fails often")!.text).toBe(
    "6 of 40 cases (15 %) lie below 0.7: every single result has to be looked at.",
  );
});

test("a table that is wider than the screen shows it and keeps its first column; pictures are not smoothed", () => {
  const { document } = sample;
  const style = textOf(document.querySelector("style"));
  expect(style).toMatch(/\.scroll\{background:linear-gradient\([^{}]* local,linear-gradient\([^{}]* scroll\}/);
  expect(style).toMatch(/th:first-child\{position:sticky;left:0;background:var\(--surface\)/);
  expect(style).toMatch(/@media \(max-width:640px\).*\.panels\{grid-template-columns:minmax\(0,1fr\)/);
  for (const table of document.querySelectorAll("table")) {
    expect(table.parentElement!.getAttribute("class")).toBe("scroll");
    expect(table.parentElement!.getAttribute("tabindex")).toBe("0");
  }
  const images = [...document.querySelectorAll("image")];
  expect(images.length).toBeGreaterThan(2);
  // at the image itself: rules of the sheet do not reach what is drawn again by `use`
  for (const image of images) expect(image.getAttribute("style")).toBe("image-rendering:pixelated");
});
