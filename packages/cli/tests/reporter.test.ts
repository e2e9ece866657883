import { describe, expect, test } from "@jest/globals";
import type { NnunetEvent } from "@nnunet/core";
import { formatDuration } from "../src/describe/durations.ts";
import { textReporter } from "../src/reporter.ts";
import { textTable } from "../src/describe/text-table.ts";

function report(isTTY: boolean, events: readonly (NnunetEvent | { wait: number })[], columns = 80): string {
  let written = "";
  let now = 0;
  const write = (text: string) => {
    written += text;
  };
  const reporter = textReporter(
    write,
    () => (isTTY ? columns : undefined),
    () => now,
  );
  for (const event of events) {
    if ("wait" in event) now += event.wait;
    else reporter.onEvent(event);
  }
  reporter.finish();
  return written;
}

const stage = "preprocess";
const step = (done: number): NnunetEvent => ({ type: "progress", stage, done, total: 10, item: `case_${done}` });

describe("the reporter", () => {
  test("a log gets a line now and then, with the remaining time", () => {
    const events = [
      { type: "stage-start", stage, total: 10, detail: "10 cases" } as const,
      ...[1, 2, 3, 4, 5].flatMap((n) => [{ wait: 2 }, step(n)]),
      { type: "stage-end", stage, seconds: 20, detail: "10 made" } as const,
    ];
    expect(report(false, events)).toBe(
      "preprocess: 10 cases\npreprocess: 3/10, case_3, about 14 s left\npreprocess: done in 20 s, 10 made\n",
    );
  });

  test("a terminal gets one bar, redrawn in place and gone at the end", () => {
    const events = [{ type: "stage-start", stage, total: 10 } as const, { wait: 1 }, step(5)];
    expect(report(true, events)).toBe(
      "preprocess: 10 to do\npreprocess [████████████────────────] 5/10  1.0 s left  case_5\r\x1b[2K",
    );
  });

  test("a bar never wraps", () => {
    const drawn = report(true, [{ type: "stage-start", stage, total: 10 }, { wait: 1 }, step(5)], 30);
    for (const line of drawn.replaceAll("\r\x1b[2K", "\n").split("\n")) expect(line.length).toBeLessThan(30);
  });

  test("an epoch is one line, in a log as on a terminal", () => {
    const epoch: NnunetEvent = {
      type: "epoch",
      stage: "train",
      epoch: 1,
      epochs: 8,
      learningRate: 0.01,
      trainLoss: -0.5,
      validationLoss: -0.4,
      pseudoDice: [0.8, Number.NaN],
      movingPseudoDice: 0.8,
      seconds: 30,
    };
    expect(report(false, [epoch])).toBe(
      "train: epoch 2/8, loss -0.5000, validation loss -0.4000, patch Dice 0.800 –, 30 s, about 3 min 0 s left\n",
    );
  });
});

test("durations", () => {
  expect([0.04, 9.96, 59.6, 75, 3600, 7385].map(formatDuration)).toEqual([
    "0.0 s",
    "10.0 s",
    "1 min 0 s",
    "1 min 15 s",
    "1 h 0 min",
    "2 h 3 min",
  ]);
});

test("tables align numbers to the right", () => {
  expect(
    textTable(
      ["label", "Dice"],
      [
        ["Anterior", "0.87"],
        ["b", "1"],
      ],
    ),
  ).toEqual(["label     Dice", "────────  ────", "Anterior  0.87", "b            1"]);
});
