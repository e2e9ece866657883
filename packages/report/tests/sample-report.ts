import { createRandom } from "@nnunet/core";
import { chooseSlices, drawSlice, type Estimate, type ReportData, type ShownCase } from "@nnunet/report";

/** Two balls in a noisy box, and a prediction that is a little off; 2 mm slices. */
export function madeCase(seed: number, offset: number) {
  const shape = [16, 40, 48] as const;
  const random = createRandom(seed);
  const ball = (z: number, y: number, x: number, radius: number) => (i: number) => {
    const at = [Math.floor(i / (40 * 48)), Math.floor(i / 48) % 40, i % 48];
    return Math.hypot((at[0]! - z) * 2, at[1]! - y, at[2]! - x) <= radius;
  };
  const voxels = 16 * 40 * 48;
  const labels = (shift: number) => {
    const [first, second] = [ball(8, 18 + shift, 16, 9), ball(8, 22, 33 - shift, 6)];
    return Int16Array.from({ length: voxels }, (_, i) => (first(i) ? 1 : second(i) ? 2 : 0));
  };
  const reference = labels(0);
  const image = Float32Array.from(reference, (label) => 40 * label + random.normal(60, 14));
  return {
    image,
    reference,
    prediction: labels(offset),
    shape: [...shape] as [number, number, number],
    spacing: [2, 1, 1] as [number, number, number],
    saysSpacing: true,
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    labels: [
      { name: "anterior", ids: [1] },
      { name: "posterior", ids: [2] },
    ],
  };
}

/** A PNG of one black pixel: pixels are not what these tests are about. */
const blackPixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==";

const estimate = (mean: number, half: number, cases: number): Estimate => ({
  mean,
  low: mean - half,
  high: mean + half,
  cases,
});

/** A report such as a run leaves: made numbers, the same every time. */
export function sampleReport(names: readonly [string, string] = ["anterior", "posterior"]): ReportData {
  const random = createRandom(1);
  const clamp = (value: number) => Math.min(1, Math.max(0, value));
  const cases = Array.from({ length: 40 }, (_, i) => {
    const labels = [0.88, 0.84].map((mean) => {
      const size = random.uniform(1.2, 5.5);
      const dice = clamp(random.normal(mean + (size - 3) * 0.02, 0.04) - (i === 11 ? 0.35 : 0));
      return {
        dice,
        referenceMl: size,
        predictedMl: size * random.normal(0.95, 0.05),
        referenceVoxels: Math.round(size * 1000),
        predictedVoxels: Math.round(size * 950),
      };
    });
    return { number: i + 1, fold: i % 5, dice: (labels[0]!.dice + labels[1]!.dice) / 2, labels };
  });
  const shown = (role: ShownCase["role"], number: number, offset: number): ShownCase => {
    const made = madeCase(number, offset);
    const slices = chooseSlices(made.reference, made.prediction, made.shape, made.spacing).map((chosen) => {
      const { grey: _, ...drawn } = drawSlice(made, chosen);
      const outlines = drawn.outlines.map((outline, i) => ({ ...outline, name: names[i]! }));
      return { ...drawn, outlines, png: blackPixel };
    });
    return { role, number, dice: cases[number - 1]!.dice, channel: "channel 0, MRI", slices };
  };
  const curves = (configuration: string, fold: number) => ({
    configuration,
    fold,
    isFinished: true,
    epochs: Array.from({ length: 60 }, (_, epoch) => ({
      epoch,
      trainLoss: 1.2 * Math.exp(-epoch / 9) - 0.85 + random.normal(0, 0.01),
      validationLoss: 1.2 * Math.exp(-epoch / 9) - 0.78 + random.normal(0, 0.02),
      patchDice: clamp(0.86 - Math.exp(-epoch / 8) + random.normal(0, 0.01)),
      seconds: 12,
    })),
  });
  const candidate = (configurations: string[], mean: number, chosenIsBetter: number | null) => ({
    configurations,
    folds: [0, 1, 2, 3, 4],
    dice: estimate(mean, 0.013, 40),
    labels: [estimate(mean + 0.02, 0.012, 40), estimate(mean - 0.02, 0.016, 40)],
    chosenIsBetter,
    certainty: chosenIsBetter === null ? null : chosenIsBetter >= 0.95 ? ("clear" as const) : ("close" as const),
  });
  return {
    dataset: {
      name: "Dataset004_Hippocampus",
      channels: ["MRI"],
      labels: [
        { key: "1", name: names[0] },
        { key: "2", name: names[1] },
      ],
      trainingCases: 40,
      testCases: 8,
    },
    fingerprint: {
      spacings: cases.map((_, i) => [1, 1, 1 + 0.01 * (i % 5)] as const),
      shapesAfterCrop: cases.map((_, i) => [30 + (i % 7), 48 + (i % 5), 34 + (i % 3)] as const),
      foregroundIntensityPerChannel: [
        { mean: 210, median: 205, std: 60, min: 20, max: 900, percentile005: 60, percentile995: 420 },
      ],
      medianRelativeSizeAfterCropping: 1,
      classRatios: { "0": 0.95, "1": 0.027, "2": 0.023 },
    },
    plan: {
      name: "nnUNetPaperPlans",
      ruleSet: "paper",
      planner: "default",
      decisions: [
        {
          configuration: "dataset",
          rule: "target-spacing",
          source: "paper, Methods",
          inputs: {},
          result: [1, 1, 1],
          rejected: [{ alternative: [2, 2, 2], reason: "coarser than the median" }],
          text: "All images are first brought to one voxel size, 1 × 1 × 1 mm.",
        },
      ],
    },
    networks: [{ configuration: "3d_fullres", svg: "<svg viewBox='0 0 10 10'><rect width='10' height='10'/></svg>" }],
    candidates: [
      candidate(["2d", "3d_fullres"], 0.864, null),
      candidate(["3d_fullres"], 0.859, 0.81),
      candidate(["2d"], 0.842, 0.998),
    ],
    choice: {
      configurations: ["2d", "3d_fullres"],
      by: "selection",
      reasons: ["It has the highest mean Dice over all labels and validation cases."],
      notCompared: [{ what: "3d_lowres", why: "fold 3 is not trained" }],
    },
    scores: {
      configurations: ["2d", "3d_fullres"],
      shows: "what is handed over",
      isOfTrainingCases: false,
      independentCases: 40,
      fewestToTell: 10,
      dice: estimate(0.864, 0.013, 40),
      labels: [0, 1].map((i) => ({
        key: String(i + 1),
        name: names[i]!,
        isFound: true,
        dice: estimate(0.884 - 0.04 * i, 0.014, 40),
        volumeError: estimate(-0.048, 0.016, 40),
        missed: i,
        invented: 0,
      })),
      cases,
      remarks: [],
    },
    shownCases: [shown("best", 5, 0), shown("median", 20, 1), shown("worst", 12, 5)],
    tests: [],
    trainings: ["2d", "3d_fullres"].flatMap((name) => [0, 1, 2, 3, 4].map((fold) => curves(name, fold))),
    postprocessing: [{ what: "keep the largest component of all labels", before: 0.864, after: 0.866, accepted: true }],
    jobs: [
      { id: "train 3d_fullres 0", state: "done", seconds: 720, memoryGb: 2.4 },
      { id: "train 3d_lowres 3", state: "failed", detail: "the disk is full", seconds: null, memoryGb: null },
    ],
    warnings: ["Fold 3 of 3d_lowres has no scores."],
    software: "0.1.0",
    madeFrom: "0123abcd",
    files: [{ name: "nnUNetPaperPlans.json", sha256: "ab".repeat(32) }],
  };
}
