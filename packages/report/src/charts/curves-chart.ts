import { gridY, line, ruleY } from "@observablehq/plot";
import { html, type Html } from "../html.ts";
import { foldName } from "../names.ts";
import { dice } from "../numbers.ts";
import type { TrainingCurves } from "../report-data.ts";
import { below, chart } from "./chart.ts";
import { seriesOf } from "./series.ts";

/** Points beyond which a curve says no more on 680 pixels. */
const mostPoints = 240;

/** The losses of all folds of a configuration: training dashed, validation solid. */
export function lossChart(configuration: string, trainings: readonly TrainingCurves[]): Html {
  const last = trainings.map(({ fold, epochs }) => {
    const { trainLoss, validationLoss } = epochs.at(-1)!;
    return `${foldName(fold)} ${trainLoss.toFixed(3)} in training, ${validationLoss.toFixed(3)} in validation`;
  });
  return chart(
    html`Loss, smaller is better. Dashed: on training patches; solid: on patches of the validation cases. ${legend(trainings)}`,
    `Losses of ${configuration} over the epochs; at the end ${last.join("; ")}.`,
    ({ isNarrow }) => ({
      ...overEpochs(isNarrow),
      y: { label: "loss", labelArrow: "none", ticks: 5 },
      marks: [
        gridY({ strokeOpacity: 0.12, ticks: 5 }),
        ...trainings.flatMap(({ epochs }, i) => {
          const points = thinned(epochs);
          return [
            line(points, {
              x: (d) => d.epoch + 1,
              y: "trainLoss",
              stroke: seriesOf(i),
              strokeDasharray: "2 3",
              strokeWidth: 1.5,
            }),
            line(points, { x: (d) => d.epoch + 1, y: "validationLoss", stroke: seriesOf(i), strokeWidth: 1.8 }),
          ];
        }),
      ],
    }),
  );
}

/** Mean Dice of the validation patches of all folds of a configuration. */
export function patchDiceChart(configuration: string, trainings: readonly TrainingCurves[]): Html {
  const last = trainings.map(({ fold, epochs }) => `${foldName(fold)} ${dice(epochs.at(-1)!.patchDice)}`);
  return chart(
    html`Dice on patches of the validation cases, a quick estimate during the training. ${legend(trainings)}`,
    `Patch Dice of ${configuration} over the epochs; at the end ${last.join("; ")}.`,
    ({ isNarrow }) => ({
      ...overEpochs(isNarrow),
      y: { label: "patch Dice", labelArrow: "none", domain: [0, 1], ticks: 5 },
      marks: [
        gridY({ strokeOpacity: 0.12, ticks: 5 }),
        ruleY([0], { strokeOpacity: 0.3 }),
        ...trainings.map(({ epochs }, i) =>
          line(
            thinned(epochs).filter(({ patchDice }) => patchDice !== null),
            { x: (d) => d.epoch + 1, y: "patchDice", stroke: seriesOf(i), strokeWidth: 1.8 },
          ),
        ),
      ],
    }),
  );
}

/** What the curves have in common: their frame, and the axis of the epochs. */
const overEpochs = (isNarrow: boolean) => ({
  height: isNarrow ? 220 : 260,
  marginLeft: 48,
  marginRight: 12,
  marginTop: 26,
  x: { ...below("epoch"), ticks: isNarrow ? 4 : 8, tickFormat: whole },
});

const whole = (value: number) => (Number.isInteger(value) ? String(value) : "");

const legend = (trainings: readonly TrainingCurves[]) =>
  trainings.map(
    ({ fold }, i) => html`<span class="key"><i style="background:${seriesOf(i)}"></i>${foldName(fold)}</span> `,
  );

/** At most {@link mostPoints} means of neighbouring epochs. */
function thinned(epochs: TrainingCurves["epochs"]): TrainingCurves["epochs"] {
  const step = Math.ceil(epochs.length / mostPoints);
  if (step === 1) return epochs;
  const groups = Array.from({ length: Math.ceil(epochs.length / step) }, (_, i) =>
    epochs.slice(i * step, (i + 1) * step),
  );
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return groups.map((group) => {
    const known = group.map(({ patchDice }) => patchDice).filter((value) => value !== null);
    return {
      epoch: mean(group.map(({ epoch }) => epoch)),
      trainLoss: mean(group.map(({ trainLoss }) => trainLoss)),
      validationLoss: mean(group.map(({ validationLoss }) => validationLoss)),
      patchDice: known.length === 0 ? null : mean(known),
      seconds: mean(group.map(({ seconds }) => seconds)),
    };
  });
}
