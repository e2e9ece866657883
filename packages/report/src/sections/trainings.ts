import { counted } from "@nnunet/core";
import { lossChart, patchDiceChart } from "../charts/curves-chart.ts";
import { html, type Html } from "../html.ts";
import { foldName } from "../names.ts";
import { decimals, dice, duration } from "../numbers.ts";
import type { ReportData } from "../report-data.ts";
import { table } from "./table.ts";

/** The curves of all folds, configuration by configuration. */
export function trainingsSection({ trainings }: ReportData): Html | undefined {
  const drawn = trainings.filter(({ epochs }) => epochs.length > 0);
  if (drawn.length === 0) return undefined;
  const configurations = [...new Set(drawn.map(({ configuration }) => configuration))];
  return html`<section id="trainings"><h2>How the trainings went</h2>
    ${configurations.map((name) => {
      const folds = drawn.filter(({ configuration }) => configuration === name);
      return html`<h3>${name}</h3><div class="charts">${lossChart(name, folds)}${patchDiceChart(name, folds)}</div>
        <details><summary>${counted(folds.length, "fold")} in numbers</summary>${table(
          `Trainings of ${name}`,
          ["", "epochs", "loss, training", "loss, validation", "patch Dice", "per epoch", "in all"],
          folds.map(({ fold, epochs, isFinished }) => {
            const last = epochs.at(-1)!;
            const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
            return [
              foldName(fold),
              isFinished ? epochs.length : `${epochs.length}, not finished`,
              decimals(last.trainLoss),
              decimals(last.validationLoss),
              dice(last.patchDice),
              duration(seconds / epochs.length),
              duration(seconds),
            ];
          }),
        )}</details>`;
    })}</section>`;
}
