import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import {
  type BatchSource,
  createRandom,
  labelSet,
  type NnunetEvent,
  type TrainingBatch,
  type TrainingTask,
} from "@nnunet/core";
import {
  checkpointFiles,
  completeTrainingSettings,
  createTrainer,
  defaultTrainer,
  diceCrossEntropy,
  type Loss,
  losses,
  ortEngine,
  readCheckpoint,
  type StoredCheckpoint,
  type TrainingEngine,
  type TrainingSettings,
  trainModel,
} from "@nnunet/trainer";
import { writeSafetensors } from "@nnunet/unet-model";
import { tinyPlans } from "../../unet-model/tests/tiny-plans.ts";
import { plainTfjsEngine } from "./engines.ts";

const labels = labelSet({
  channelNames: ["MR"],
  labels: { background: 0, blob: 1 },
  numTraining: 4,
  fileEnding: ".nii.gz",
});
const plans = tinyPlans(
  {
    kind: "plain",
    featuresPerStage: [4, 8],
    kernelSizes: [
      [3, 3, 3],
      [3, 3, 3],
    ],
    strides: [
      [1, 1, 1],
      [2, 2, 2],
    ],
    convsPerStage: [2, 2],
    convsPerStageDecoder: [2],
    convBias: true,
    transposedConvBias: false,
    headBias: false,
    normEpsilon: 1e-5,
    leakyReluSlope: 0.01,
  },
  [8, 8, 8],
);

/** Bright balls on a noisy background; the batch depends on its number alone. */
const balls = (seed: number): BatchSource => ({
  async batch(epoch, iteration): Promise<TrainingBatch> {
    const random = createRandom(seed, epoch, iteration);
    const data = new Float32Array(2 * 512);
    const target = new Int32Array(2 * 512);
    for (let sample = 0; sample < 2; sample++) {
      const [cz, cy, cx] = [random.integer(2, 6), random.integer(2, 6), random.integer(2, 6)];
      for (let v = 0; v < 512; v++) {
        const inside = (Math.floor(v / 64) - cz) ** 2 + ((Math.floor(v / 8) % 8) - cy) ** 2 + ((v % 8) - cx) ** 2 < 5;
        target[sample * 512 + v] = inside ? 1 : 0;
        data[sample * 512 + v] = random.normal() + (inside ? 3 : 0);
      }
    }
    return { data, shape: [2, 1, 8, 8, 8], targets: [{ data: target, shape: [2, 1, 8, 8, 8] }], caseIds: ["a", "b"] };
  },
  async close() {},
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-train-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const task = (
  settings: Partial<TrainingSettings> = {},
  overrides: Partial<TrainingTask<TrainingSettings>> = {},
): TrainingTask<TrainingSettings> => ({
  configuration: plans.configurations["3d_fullres"]!,
  configurationName: "3d_fullres",
  fold: 0,
  labels,
  inputChannels: 1,
  training: balls(1),
  validation: balls(2),
  folder: join(folder, "fold_0"),
  settings: { seed: 7, epochs: 3, iterationsPerEpoch: 6, validationIterations: 2, ...settings },
  ...overrides,
});

/** Finite, and its derivative is not: that of √x where x is 0. */
const withoutGradient: Loss = (tape, logits) =>
  tape.sqrt(tape.multiply(tape.sum(tape.multiply(logits, logits)), tape.scalar(0)));

/** All that a training ends with but the clock's times. */
const stateOf = ({ weights, optimiser, history }: StoredCheckpoint) => ({
  weights,
  optimiser,
  losses: history.map(({ trainLoss, validationLoss }) => [trainLoss, validationLoss]),
});

describe("trainModel", () => {
  test("learns: the loss falls and the pseudo-Dice rises on unseen batches", async () => {
    const { history } = await trainModel(task({ epochs: 5, iterationsPerEpoch: 20 }));
    expect(history.at(-1)!.trainLoss).toBeLessThan(history[0]!.trainLoss - 0.5);
    expect(history.at(-1)!.pseudoDice[0]!).toBeGreaterThan(0.7);
  });

  test("stopped after an epoch and continued, it ends with the same weights, byte for byte", async () => {
    const whole = await trainModel(task({}, { folder: join(folder, "whole") }));
    const stop = new AbortController();
    const onEvent = (event: NnunetEvent) => {
      if (event.type === "iteration" && event.epoch === 1 && event.iteration === 3) stop.abort();
    };
    await expect(trainModel(task({}, { signal: stop.signal, onEvent }))).rejects.toThrow("training: cancelled");
    expect((await readCheckpoint(join(folder, "fold_0", checkpointFiles.latest))).history).toHaveLength(1);
    const continued = await trainModel(task({}, { continue: true }));
    for (const [name, { data }] of whole.weights) expect(continued.weights.get(name)!.data).toEqual(data);
    expect(continued.history.map((h) => h.trainLoss)).toEqual(whole.history.map((h) => h.trainLoss));
    // a finished training is only read
    const again = await trainModel(task({}, { continue: true }));
    // how long it took to write a checkpoint is in no checkpoint but the next
    const stored = (history: typeof again.history) => history.map(({ checkpointSeconds: _, ...record }) => record);
    expect(stored(again.history)).toEqual(stored(continued.history));
  });

  test("killed after a checkpoint, before or within the line of its epoch, the log is whole again when it goes on", async () => {
    const [fold, log] = [join(folder, "fold_0"), join(folder, "fold_0", "training_log.ndjson")];
    await trainModel(task());
    const lines = readFileSync(log, "utf8").split("\n");
    const epochs = () =>
      readFileSync(log, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).epoch);
    for (const left of [
      lines.slice(0, 2).join("\n"),
      `${lines.slice(0, 2).join("\n")}\n${lines[2]!.slice(0, 30)}`,
      "",
    ]) {
      writeFileSync(log, left);
      copyFileSync(join(fold, checkpointFiles.final), join(fold, checkpointFiles.latest));
      await trainModel(task({}, { continue: true }));
      expect(epochs()).toEqual([0, 1, 2]);
      expect(readdirSync(fold)).not.toContain(checkpointFiles.latest);
    }
  });

  test("leaves checkpoints, log and curves, and no temporary file", async () => {
    await trainModel(task());
    expect((await readdir(join(folder, "fold_0"))).sort()).toEqual([
      "checkpoint_best.safetensors",
      "checkpoint_final.safetensors",
      "progress.svg",
      "training_log.ndjson",
    ]);
    const log = readFileSync(join(folder, "fold_0", "training_log.ndjson"), "utf8")
      .trim()
      .split("\n");
    expect(log.map((line) => JSON.parse(line).epoch)).toEqual([0, 1, 2]);
    const times = ["seconds", "stepSeconds", "waitSeconds", "validationSeconds", "checkpointSeconds"];
    for (const line of log) for (const name of times) expect([name, JSON.parse(line)[name] >= 0]).toEqual([name, true]);
  });

  test("a folder that holds a training is not overwritten", async () => {
    await trainModel(task({ epochs: 1 }));
    await expect(trainModel(task({ epochs: 1 }))).rejects.toThrow(
      `${join(folder, "fold_0")}: already holds a training; \`continue\` goes on with it, or move the folder away to start anew`,
    );
  });

  test("continuing with other settings says which", async () => {
    await trainModel(task({ epochs: 1 }));
    await expect(trainModel(task({ epochs: 1, seed: 8 }, { continue: true }))).rejects.toThrow(
      "→ seed: was trained with 7, now asked for 8",
    );
  });

  // Each of these once changed unnoticed, because only some of the settings were compared.
  test.each<[string, Partial<TrainingSettings>]>([
    ["loss", { loss: "dice" }],
    ["optimiser", { optimiser: { name: "sgd", momentum: 0.9, weightDecay: 3e-5, clipNorm: 12 } }],
    ["deepSupervision", { deepSupervision: false }],
    ["initialLearningRate", { initialLearningRate: 0.001 }],
    ["validationIterations", { validationIterations: 3 }],
  ])("a training is not continued with another %s", async (setting, changed) => {
    await trainModel(task({ epochs: 1 }));
    await expect(trainModel(task({ epochs: 1, ...changed }, { continue: true }))).rejects.toThrow(
      `→ ${setting}: was trained with `,
    );
  });

  test.each([
    ["ort", "tfjs"],
    ["tfjs", "ort"],
  ])("a checkpoint of %s goes on in %s, and both are on record", async (first, second) => {
    const trainer = createTrainer({ name: "both", engines: { ort: ortEngine, tfjs: plainTfjsEngine } });
    const settings = { epochs: 2, iterationsPerEpoch: 2, validationIterations: 1 };
    const stop = new AbortController();
    const said: string[] = [];
    const onEvent = (event: NnunetEvent) => {
      if (event.type === "epoch" && event.epoch === 0) stop.abort();
      if (event.type === "message") said.push(event.text);
    };
    const begun = trainer.train(task({ ...settings, engine: first }, { signal: stop.signal, onEvent }));
    await expect(begun).rejects.toThrow("training: cancelled");
    await trainer.train(task({ ...settings, engine: second }, { continue: true, onEvent }));
    const { history, settings: last } = await readCheckpoint(join(folder, "fold_0", checkpointFiles.final));
    expect(history.map((h) => h.engine?.split(" ")[0])).toEqual([first, second]);
    expect(last.engine).toBe(second);
    expect(said.filter((text) => text.startsWith("training from"))[1]).toMatch(
      new RegExp(`^training from epoch 1 \\(engine ${second} on .*; up to here it was ${first}\\)$`),
    );

    const alone = { ...settings, engine: first };
    await trainer.train(task(alone, { folder: join(folder, "alone") }));
    const whole = await readCheckpoint(join(folder, "alone", checkpointFiles.final));
    // two epochs of a loss of about 1 in float32, summed in another order
    expect(Math.abs(whole.history[1]!.trainLoss - history[1]!.trainLoss)).toBeLessThan(1e-4);
  });

  test("both engines begin with given weights, and a training that is gone on from has its own and where they came from", async () => {
    const trainer = createTrainer({ name: "both", engines: { ort: ortEngine, tfjs: plainTfjsEngine } });
    const first = { epochs: 1, iterationsPerEpoch: 1, validationIterations: 1 };
    const { weights } = await trainModel(task({ ...first, seed: 99 }, { folder: join(folder, "other") }));
    const pretrained = { from: "3d_fullres of Dataset001_Other" };
    const losses: number[] = [];
    for (const engine of ["ort", "tfjs"]) {
      const place = join(folder, engine);
      await trainer.train(task({ ...first, engine }, { initialWeights: weights, pretrained, folder: place }));
      const made = await readCheckpoint(join(place, checkpointFiles.final));
      expect(made.pretrained).toEqual(pretrained);
      losses.push(made.history[0]!.trainLoss);
    }
    const { history } = await trainModel(task(first));
    expect(Math.abs(losses[0]! - losses[1]!)).toBeLessThan(1e-4);
    expect(Math.abs(losses[0]! - history[0]!.trainLoss)).toBeGreaterThan(1e-3);
    const some = new Map([...weights].slice(1));
    const lacking = task(first, { initialWeights: some, folder: join(folder, "lacking") });
    await expect(trainModel(lacking)).rejects.toThrow("this weight is missing");
    const none = task(first, { pretrained, folder: join(folder, "none") });
    await expect(trainModel(none)).rejects.toThrow("initialWeights: expected the weights that `pretrained` says");
  });

  test("engine auto says what it took, and why", async () => {
    const said: string[] = [];
    const onEvent = (event: NnunetEvent) => event.type === "message" && said.push(event.text);
    await trainModel(task({ epochs: 1, engine: "auto" }, { onEvent }));
    expect(said[0]).toMatch(/^training from the start \(engine ort on cpu, .*, since @tensorflow\/tfjs-node-gpu /);
    expect((await readCheckpoint(join(folder, "fold_0", checkpointFiles.final))).settings.engine).toBe("ort");
  });

  test("a loss of one's own is named in the settings and trains; an unknown one is refused with those that exist", async () => {
    let made = 0;
    const mine = createTrainer({
      name: "mine",
      losses: {
        ...losses,
        mine: (scope) => {
          made++;
          return losses["cross-entropy"](scope);
        },
      },
    });
    await mine.train(task({ epochs: 1, loss: "mine" }));
    expect(made).toBe(1);
    const { settings } = await readCheckpoint(join(folder, "fold_0", checkpointFiles.final));
    expect(settings.loss).toBe("mine");
    await expect(defaultTrainer.train(task({ loss: "mine" }))).rejects.toThrow(
      'unknown loss "mine"; registered: dice-cross-entropy, cross-entropy, dice',
    );
  });

  test("a checkpoint cut in half is refused in one sentence", async () => {
    await trainModel(task({ epochs: 1 }));
    const path = join(folder, "fold_0", checkpointFiles.final);
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length / 2));
    await expect(trainModel(task({ epochs: 1 }, { continue: true }))).rejects.toThrow(
      /checkpoint_final\.safetensors.*the file is cut off or damaged, use an older checkpoint$/,
    );
  });

  test("one flipped bit in a checkpoint's weights does not train along", async () => {
    await trainModel(task({ epochs: 1 }));
    const path = join(folder, "fold_0", checkpointFiles.final);
    const bytes = readFileSync(path);
    bytes[bytes.length - 100]! ^= 1;
    writeFileSync(path, bytes);
    await expect(trainModel(task({ epochs: 1 }, { continue: true }))).rejects.toThrow(
      `${path} → __metadata__.sha256: is not that of the file's content; the file is cut off or damaged, use an older checkpoint`,
    );
  });

  test("a checkpoint of an earlier version, without a checksum, goes on with a warning", async () => {
    await trainModel(task({ epochs: 1 }));
    const path = join(folder, "fold_0", checkpointFiles.final);
    const bytes = readFileSync(path);
    const length = Number(bytes.readBigUint64LE(0));
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    const state = header.__metadata__.nnunet.replace("checkpoint 2", "checkpoint 1");
    const older = Buffer.from(JSON.stringify({ ...header, __metadata__: { nnunet: state } }));
    const size = Buffer.alloc(8);
    size.writeBigUint64LE(BigInt(older.length));
    writeFileSync(path, Buffer.concat([size, older, bytes.subarray(8 + length)]));
    const told: string[] = [];
    const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(`${event.level}: ${event.text}`);
    const { history } = await trainModel(task({ epochs: 1 }, { continue: true, onEvent }));
    expect(history).toHaveLength(1);
    expect(told).toEqual([
      `warning: ${join(folder, "fold_0")}: goes on from a checkpoint of an earlier version, which carries no checksum; damage would not show`,
    ]);
  });

  /** The second batch of an epoch, from that one on, is of values whose sums are beyond float32. */
  const poisoned = (seed: number, firstEpoch = 0, value?: number): BatchSource => ({
    ...balls(seed),
    async batch(epoch, iteration) {
      const batch = await balls(seed).batch(epoch, iteration);
      if (iteration !== 1 || epoch < firstEpoch) return batch;
      for (let i = 0; i < batch.data.length; i++) batch.data[i] = value ?? (i % 3 === 0 ? 3e38 : -3e38);
      return batch;
    },
  });

  test("a batch of voxels that are no finite numbers is named as what it is: no learning rate would help", async () => {
    for (const [value, epoch] of [
      [Number.NaN, 0],
      [Number.POSITIVE_INFINITY, 1],
    ] as const) {
      const place = { training: poisoned(1, epoch, value), folder: join(folder, `from_${epoch}`) };
      await expect(trainModel(task({}, place))).rejects.toThrow(
        `training: expected finite voxels in a batch (repair the images of a, b, or an augmentation of your own; ${epoch === 0 ? "no epoch was finished" : "the checkpoint after epoch 1 is kept"}`,
      );
    }
  });

  test("a training loss that is not finite stops the training", async () => {
    await expect(trainModel(task({}, { training: poisoned(1) }))).rejects.toThrow(
      /training: expected a finite loss .* got "loss NaN at epoch 0, iteration 1"/,
    );
  });

  test("names the cases of the batch, and keeps the checkpoint of the last finished epoch", async () => {
    const settings = { epochs: 3, iterationsPerEpoch: 2, validationIterations: 1 };
    await expect(trainModel(task(settings, { training: poisoned(3, 1) }))).rejects.toThrow(
      /look at the images of the batch for extreme values: a, b; a lower `initialLearningRate` may help; the checkpoint after epoch 1 is kept; `continue` comes to the same batch again, `pretrained` begins anew with its weights\), got "loss NaN at epoch 1, iteration 1"/,
    );
    const { history, weights } = await readCheckpoint(join(folder, "fold_0", checkpointFiles.latest));
    expect(history.map(({ epoch }) => epoch)).toEqual([0]);
    for (const { data } of weights.values()) expect([...data].every(Number.isFinite)).toBe(true);
  });

  test("names the best checkpoint beside the last, which the same divergence may have spoilt", async () => {
    const settings = { epochs: 4, iterationsPerEpoch: 2, validationIterations: 1 };
    // nothing of the second epoch's validation is where the labels say, so the first stays the best
    const moved: BatchSource = {
      ...balls(2),
      async batch(epoch, iteration) {
        const batch = await balls(2).batch(epoch, iteration);
        if (epoch > 0) batch.targets[0]!.data.fill(0).fill(1, 0, 2);
        return batch;
      },
    };
    const spoilt = trainModel(task(settings, { training: poisoned(3, 2), validation: moved }));
    await expect(spoilt).rejects.toThrow(
      "the checkpoint after epoch 2 is kept, and that after epoch 1, the best; `continue`",
    );
    expect((await readCheckpoint(join(folder, "fold_0", checkpointFiles.best))).history).toHaveLength(1);
  });

  test.each([ortEngine, plainTfjsEngine].map((engine) => [engine.name, engine] as const))(
    "%s: a loss without a gradient stops at once; its weights would make the next batch's loss NaN, and the blame its cases'",
    async (_, engine) => {
      const trainer = createTrainer({
        name: "flat",
        engines: { [engine.name]: engine },
        losses: { ...losses, flat: () => withoutGradient },
      });
      const settings = { epochs: 1, iterationsPerEpoch: 2, validationIterations: 1, loss: "flat", engine: engine.name };
      await expect(trainer.train(task(settings))).rejects.toThrow(
        /training: expected a finite gradient norm .*: a, b;.* got "gradient norm NaN at epoch 0, iteration 0"/,
      );
      expect(await readdir(join(folder, "fold_0"))).toEqual([]);
    },
  );

  test.each([ortEngine, plainTfjsEngine].map((engine) => [engine.name, engine] as const))(
    "%s: a learning rate that destroys the weights stops in the epoch that it happens in",
    async (_, engine) => {
      const trainer = createTrainer({ name: "one", engines: { [engine.name]: engine } });
      const settings = { epochs: 2, iterationsPerEpoch: 3, validationIterations: 1, engine: engine.name };
      await expect(trainer.train(task({ ...settings, initialLearningRate: 1e30 }))).rejects.toThrow(
        /expected a finite .* a lower `initialLearningRate` may help; no epoch was finished\), got ".* at epoch 0/,
      );
      expect(await readdir(join(folder, "fold_0"))).toEqual([]);
    },
  );

  test("where memory ends in the middle of a step, the error names what to lower, and the last epoch stays", async () => {
    const side = 2 ** 20;
    /** A table of 4 TB. */
    const vast: Loss = (tape, logits) => {
      const column = tape.multiply(tape.floats(new Array(side).fill(1), [side, 1]), tape.sum(logits));
      return tape.mean(tape.multiply(column, tape.reshape(column, [1, side])));
    };
    const trainer = createTrainer({ name: "vast", losses: { ...losses, vast: () => vast } });
    await expect(trainer.train(task({ loss: "vast" }))).rejects.toThrow(
      /^training \(patch 8 × 8 × 8, batch 2\) needs more memory, but there was no more \(.*allocate.*\); train with a smaller `batchSize` or fewer `baseFeatures`, plan with a smaller `gpuMemoryGb`, or end other programs$/,
    );
    expect(await readdir(join(folder, "fold_0"))).toEqual([]);
  });

  test("so does a validation loss, before a checkpoint is written that could not be read", async () => {
    await expect(trainModel(task({}, { validation: poisoned(2) }))).rejects.toThrow(
      /validation: expected a finite loss .* got "loss NaN at epoch 0, iteration 1"/,
    );
    expect(await readdir(join(folder, "fold_0"))).toEqual([]);
  });

  test("a checkpoint whose header is damaged is refused by name", async () => {
    const path = join(folder, "damaged.safetensors");
    writeFileSync(path, writeSafetensors(new Map(), { nnunet: '{"format": "nnunet' }));
    await expect(readCheckpoint(path)).rejects.toThrow(`${path} → __metadata__.nnunet: `);
  });
});

describe("mixed precision", () => {
  const settings = { mixedPrecision: true, epochs: 3, iterationsPerEpoch: 3, validationIterations: 1, loss: "steep" };
  /** Its gradients overflow at the first scale, so that steps are skipped until one is found that suits. */
  const steep: Loss = (tape, logits, target) =>
    tape.multiply(diceCrossEntropy({ batchDice: true })(tape, logits, target), tape.scalar(1000));
  const trainer = createTrainer({ name: "steep", losses: { ...losses, steep: () => steep } });

  test("stopped after an epoch and continued, it ends with the same weights, momentum and scale, bit for bit", async () => {
    const whole = await trainer.train(task(settings, { folder: join(folder, "whole") }));
    const stop = new AbortController();
    const said: string[] = [];
    const onEvent = (event: NnunetEvent) => {
      if (event.type === "epoch" && event.epoch === 0) stop.abort();
      if (event.type === "message") said.push(event.text);
    };
    await expect(trainer.train(task(settings, { signal: stop.signal, onEvent }))).rejects.toThrow("cancelled");
    const between = await readCheckpoint(join(folder, "fold_0", checkpointFiles.latest));
    expect(between.optimiser.lossScaling!.scale).toBeLessThan(65536);
    expect(between.optimiser.steps).toBeLessThan(3);
    expect(said).toContain(
      "iteration 0 of epoch 0 is skipped: its gradients overflow in float16; the loss is scaled by 32768 from now on",
    );
    const continued = await trainer.train(task(settings, { continue: true }));
    expect(stateOf(await readCheckpoint(continued.checkpoint))).toEqual(
      stateOf(await readCheckpoint(whole.checkpoint)),
    );
  });

  test("is not continued without it", async () => {
    await trainer.train(task({ ...settings, epochs: 1 }));
    const other = trainer.train(task({ ...settings, epochs: 1, mixedPrecision: false }, { continue: true }));
    await expect(other).rejects.toThrow("→ mixedPrecision: was trained with true, now asked for false");
  });

  test("gradients that no scale makes finite stop the training, and name the cases of the batch", async () => {
    const flat = createTrainer({ name: "flat", losses: { ...losses, flat: () => withoutGradient } });
    await expect(flat.train(task({ ...settings, loss: "flat", iterationsPerEpoch: 30 }))).rejects.toThrow(
      /training: expected a finite gradient norm .*: a, b; .* got "gradient norm NaN at epoch 0, iteration 16"/,
    );
  });

  test("a loss that is not finite stops at once, and is no overflow of its gradients", async () => {
    const training: BatchSource = {
      ...balls(1),
      async batch(epoch, iteration) {
        const batch = await balls(1).batch(epoch, iteration);
        batch.data[5] = 1e5; // not a number of float16
        return batch;
      },
    };
    await expect(trainer.train(task(settings, { training }))).rejects.toThrow(
      /expected a finite loss .* without `mixedPrecision`.* got "loss NaN at epoch 0, iteration 0"/,
    );
  });

  test("an engine without it refuses before anything is written", async () => {
    const both = createTrainer({ name: "both", engines: { ort: ortEngine, tfjs: plainTfjsEngine } });
    await expect(both.train(task({ mixedPrecision: true, engine: "tfjs" }))).rejects.toThrow(
      "`mixedPrecision` true is not supported; engine tfjs has none; take `engine` ort, or leave it out",
    );
    expect(existsSync(join(folder, "fold_0"))).toBe(false);
  });
});

test("what an engine cannot do is a warning of the log", async () => {
  const careful: TrainingEngine = {
    ...ortEngine,
    async compile(...given) {
      const session = await ortEngine.compile(...given);
      return Object.defineProperty(session, "caution", { value: "12 MB travel at every step" });
    },
  };
  const told: string[] = [];
  const onEvent = (event: NnunetEvent) => event.type === "message" && told.push(`${event.level}: ${event.text}`);
  const trainer = createTrainer({ name: "careful", engines: { ort: careful } });
  await trainer.train(task({ epochs: 1, iterationsPerEpoch: 1, validationIterations: 1 }, { onEvent }));
  expect(told).toContain("warning: 12 MB travel at every step");
});

describe("completeTrainingSettings", () => {
  test.each([
    [{ iterationsPerEpoch: 100 }, 20],
    [{ iterationsPerEpoch: 2 }, 1],
    [{ iterationsPerEpoch: 100, validationIterations: 7 }, 7],
  ])("validates on a fifth of the steps unless told otherwise: %j", (given, expected) => {
    expect(completeTrainingSettings(given).validationIterations).toBe(expected);
  });

  test("fills in the paper's values", () => {
    expect(completeTrainingSettings({ epochs: 8 })).toEqual({
      seed: 0,
      epochs: 8,
      iterationsPerEpoch: 250,
      validationIterations: 50,
      initialLearningRate: 0.01,
      optimiser: { name: "sgd", momentum: 0.99, weightDecay: 3e-5, clipNorm: 12 },
      loss: "dice-cross-entropy",
      deepSupervision: true,
      mixedPrecision: false,
      engine: "ort",
    });
  });

  test.each<[Record<string, unknown>, string]>([
    [{ epochs: 0 }, "epochs: expected a positive integer, got 0"],
    [{ iterationsPerEpoch: 2.5 }, "iterationsPerEpoch: expected a positive integer, got 2.5"],
    [{ initialLearningRate: -1 }, "initialLearningRate: expected a positive number, got -1"],
    [{ optimiser: { name: "lion" } }, 'optimiser.name: expected "sgd" or "adam", by its name, got "lion"'],
    [
      { optimiser: { momentum: 0.9, secondMomentum: 0.9 } },
      'optimiser: expected of sgd: momentum, weightDecay, clipNorm, got "secondMomentum"',
    ],
    [
      { optimiser: { name: "adam", secondMomentum: 1 } },
      "optimiser.secondMomentum: expected a number in [0, 1), got 1",
    ],
    [{ optimiser: { momentum: 1 } }, "optimiser.momentum: expected a number in [0, 1), got 1"],
    [
      { epoch: 3 },
      'settings: expected keys of seed, epochs, iterationsPerEpoch, validationIterations, initialLearningRate, optimiser, loss, deepSupervision, mixedPrecision, engine, got "epoch"',
    ],
  ])("%j is refused", (given, message) => {
    expect(() => completeTrainingSettings(given)).toThrow(message);
  });
});
