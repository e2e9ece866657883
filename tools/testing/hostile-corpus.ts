/*
 * Inputs made to do harm, small enough to be made on the spot. Each is a file of a raw or preprocessed dataset (or one
 * that is only looked at) and the command that meets it. What is right is the same for all: one true sentence, the
 * documented exit code, and nothing read or written outside of the folders that were named.
 */

export interface HostileInput {
  readonly name: string;
  /** Where it lies: `dataset.json` of the raw dataset, a file of the preprocessed one, or one that `info` looks at. */
  readonly place: "raw" | "preprocessed" | "file";
  readonly file: string;
  readonly content: () => string | Uint8Array;
  /** After the command's own name; roots are added. */
  readonly command: readonly string[];
  readonly code: 2 | 3;
  /** A part of the sentence. */
  readonly says: string;
}

const base = { channel_names: { 0: "MRI" }, labels: { background: 0, bright: 1, dark: 2 }, numTraining: 5 };
const text = (value: unknown) => () => JSON.stringify(value);

function explicit(id: string): string {
  const one = { images: ["imagesTr/evil_0_0000.nii.gz"], label: "labelsTr/evil_0.nii.gz" };
  return JSON.stringify({ ...base, file_ending: ".nii.gz" }).replace(
    /}$/,
    `,"dataset":{${JSON.stringify(id)}:${JSON.stringify(one)}}}`,
  );
}

const inDataset = (name: string, content: () => string | Uint8Array, says: string): HostileInput => ({
  name: `dataset.json: ${name}`,
  place: "raw",
  file: "dataset.json",
  content,
  command: ["fingerprint", "900"],
  code: 3,
  says,
});

const caseIds: readonly (readonly [string, string])[] = [
  ["../../../../victim/label", "without / and"],
  ["/tmp/label", "without / and"],
  ["..", "that is not . or .."],
  ["..\\victim", "without / and"],
  ["\u001b]0;owned\u0007", "without control"],
  ["a\u202eb", "without control"],
  [" ".repeat(400_000), "at most 160 bytes"],
  ["__proto__", "reserved by JavaScript"],
  ["constructor", "reserved by JavaScript"],
  ["NUL", "no device of Windows"],
  ["", "not empty"],
];

export const hostileDatasets: readonly HostileInput[] = [
  ...caseIds.map(([id, says]) => inDataset(`case id ${JSON.stringify(id.slice(0, 30))}`, () => explicit(id), says)),
  inDataset("file ending ./../x", text({ ...base, file_ending: "./../x" }), "expected an ending with its dot"),
  inDataset(
    "label __proto__",
    () => JSON.stringify({ ...base, file_ending: ".nii.gz" }).replace("dark", "__proto__"),
    "__proto__",
  ),
  inDataset("labels null", text({ ...base, labels: null, file_ending: ".nii.gz" }), "labels"),
  inDataset("label null", text({ ...base, labels: { background: 0, a: null }, file_ending: ".nii.gz" }), "labels.a"),
  inDataset("null", () => "null", "expected an object"),
  inDataset(
    "a region of a million ids",
    text({
      ...base,
      labels: { background: 0, a: Array.from({ length: 1e6 }, (_, i) => i % 30_000) },
      file_ending: ".nii.gz",
    }),
    "at most 100000 entries",
  ),
  inDataset("a hundred thousand levels", () => "[".repeat(1e5) + "]".repeat(1e5), "deeper than 100 levels"),
  inDataset("ten million values", () => `[${"1,".repeat(1e7)}1]`, "more than 4,000,000 values"),
  inDataset("a byte-order mark", () => `\ufeff${JSON.stringify(base)}`, "byte-order mark"),
  inDataset("UTF-16", () => Buffer.from(`\ufeff${JSON.stringify(base)}`, "utf16le"), "UTF-16"),
  inDataset("a comma too many", () => '{\n  "labels": {},\n}', "line 3, column 1"),
];

/** What is wrong with plans, as changes of good ones. */
// biome-ignore lint/suspicious/noExplicitAny: JSON that is then spoilt
type Spoil = (plans: any) => void;
export const hostilePlans: readonly (readonly [string, Spoil, string])[] = [
  ["plans_name x/../../../../victim/y", (p) => (p.plans_name = "x/../../../../victim/y"), "plans_name"],
  ["dataset_name ../victim", (p) => (p.dataset_name = "../victim"), "dataset_name"],
  ["data_identifier ../../victim", (p) => (p.configurations["2d"].data_identifier = "../../victim"), "data_identifier"],
  ["configuration ../victim", (p) => (p.configurations["../victim"] = p.configurations["2d"]), "configurations"],
  ["previous_stage ../victim", (p) => (p.configurations["2d"].previous_stage = "../victim"), "previous_stage"],
  ["patch of 2³⁰", (p) => (p.configurations["2d"].patch_size = [2 ** 30, 2 ** 30]), "patch_size"],
  ["batch of 2³⁰", (p) => (p.configurations["2d"].batch_size = 2 ** 30), "batch_size"],
  [
    "strides of 2³⁰",
    (p) => (p.configurations["2d"].architecture.arch_kwargs.strides[1] = [2 ** 30, 2 ** 30]),
    "patch_size[0]",
  ],
  [
    "2³⁰ features",
    (p) => (p.configurations["2d"].architecture.arch_kwargs.features_per_stage[0] = 2 ** 30),
    "features_per_stage",
  ],
  ["spacing of 1e-300", (p) => (p.configurations["2d"].spacing[0] = 1e-300), "spacing[0]"],
  ["a circle", (p) => (p.configurations["2d"].inherits_from = "2d"), "circle"],
  [
    "a chain of 20,000",
    (p) => {
      for (let i = 1; i < 20_000; i++) p.configurations[`c${i}`] = { inherits_from: i === 1 ? "2d" : `c${i - 1}` };
    },
    "at most 100 configurations",
  ],
  ["architecture null", (p) => (p.configurations["2d"].architecture = null), "architecture"],
];

/** Files that `info` looks at. */
export const hostileFiles: readonly HostileInput[] = (
  [
    ["splits with null", "splits_final.json", text([null, { train: null, val: [] }]), "neither plans"],
    ["a fingerprint with null", "f.json", text({ spacings: [null] }), "spacings[0]"],
    [
      "a fingerprint of half a million spacings",
      "f.json",
      text({ spacings: Array(5e5).fill([1, 1, "x"]) }),
      "at most 100000 entries",
    ],
    [
      "a summary with null",
      "summary.json",
      text({ metric_per_case: [null], mean: null, foreground_mean: null }),
      "summary.json",
    ],
    ["a number", "n.json", () => "1", "neither plans"],
    ["nothing", "n.json", () => "", "line 1, column 1"],
    ["the key __proto__", "p.json", () => '{"labels": {"__proto__": {"x": 1}}}', "__proto__"],
  ] as const
).map(([name, file, content, says]) => ({
  name: `info: ${name}`,
  place: "file",
  file,
  content,
  command: ["info"],
  code: 3,
  says,
}));
