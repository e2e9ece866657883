import { displayWidth, type EventListener, type NnunetEvent, printable } from "@nnunet/core";
import { formatDuration } from "./describe/durations.ts";
import { sayEvent, sayLines } from "./shell/say.ts";

/** Shows what a long command does, from its events alone. */
export interface Reporter {
  readonly onEvent: EventListener;
  /** Removes an unfinished bar, so that what is printed next starts on a clean line. */
  finish(): void;
}

/** A plain line at most this often: a log file should be readable, not a film. */
const PLAIN_LINE_SECONDS = 5;
const REDRAW_SECONDS = 0.1;
const BAR_WIDTH = 24;

/** One line of JSON per event, for machines. */
export function ndjsonReporter(write: (text: string) => void): Reporter {
  return { onEvent: (event) => sayEvent(write, event), finish: () => {} };
}

/**
 * A bar with the remaining time on a terminal, plain lines anywhere else.
 *
 * @param columns - of the terminal; undefined where there is none
 * @param clock - seconds; replaceable for tests
 */
export function textReporter(
  write: (text: string) => void,
  columns: () => number | undefined,
  clock: () => number = () => performance.now() / 1000,
): Reporter {
  const terminal = columns() !== undefined;
  let barShown = false;
  let stage = "";
  let total = 0;
  let startedAt = 0;
  let startedWith = 0;
  let shownAt = Number.NEGATIVE_INFINITY;

  const clearBar = () => {
    if (barShown) write("\r\x1b[2K");
    barShown = false;
  };
  const line = (text: string) => {
    clearBar();
    sayLines(write, [text]);
  };
  const begin = (name: string, units: number, done: number) => {
    stage = name;
    total = units;
    startedAt = clock();
    startedWith = done;
    shownAt = startedAt - (terminal ? REDRAW_SECONDS : 0);
  };
  /** Seconds, from the mean pace since the stage began; work done before it (a continued training) does not count. */
  const remaining = (done: number) => ((clock() - startedAt) / (done - startedWith)) * (total - done);

  const progress = (done: number, item: string) => {
    const now = clock();
    const left = done > startedWith && done < total ? `${formatDuration(remaining(done))} left` : "";
    if (terminal) {
      if (done < total && now - shownAt < REDRAW_SECONDS) return;
      clearBar();
      const filled = total > 0 ? Math.min(BAR_WIDTH, Math.floor((BAR_WIDTH * done) / total)) : 0;
      const drawn = `${"█".repeat(filled)}${"─".repeat(BAR_WIDTH - filled)}`;
      const parts = [`${stage} [${drawn}] ${done}/${total}`, left, item].filter(Boolean).join("  ");
      write(fit(printable(parts), columns() ?? 80));
      barShown = true;
    } else {
      if (done >= total || now - shownAt < PLAIN_LINE_SECONDS) return;
      line(`${stage}: ${[`${done}/${total}`, item, left && `about ${left}`].filter(Boolean).join(", ")}`);
    }
    shownAt = now;
  };

  const onEvent = (event: NnunetEvent): void => {
    switch (event.type) {
      case "stage-start":
        begin(event.stage, event.total ?? 0, 0);
        line(`${event.stage}: ${event.detail ?? (event.total === undefined ? "started" : `${event.total} to do`)}`);
        return;
      case "progress":
        if (event.stage === "train") return; // told by its iterations and epochs
        if (event.stage !== stage || event.total !== total) begin(event.stage, event.total, event.done - 1);
        progress(event.done, event.item ?? "");
        return;
      case "stage-end":
        line(`${event.stage}: done in ${formatDuration(event.seconds)}${event.detail ? `, ${event.detail}` : ""}`);
        stage = "";
        return;
      case "message":
        line(`${event.stage}: ${event.level === "warning" ? "warning: " : ""}${event.text}`);
        return;
      case "iteration":
        trainProgress(event);
        return;
      case "epoch": {
        const dice = event.pseudoDice.map((value) => (Number.isNaN(value) ? "–" : value.toFixed(3))).join(" ");
        const secondsLeft = event.seconds * (event.epochs - event.epoch - 1);
        line(
          `train: epoch ${event.epoch + 1}/${event.epochs}, loss ${event.trainLoss.toFixed(4)}, validation loss ${event.validationLoss.toFixed(4)}, patch Dice ${dice}, ${formatDuration(event.seconds)}${secondsLeft > 0 ? `, about ${formatDuration(secondsLeft)} left` : ""}`,
        );
        return;
      }
    }
  };

  let iterationsSeen = 0;
  /** Only a bar: in a log the line per epoch is enough. */
  const trainProgress = (event: Extract<NnunetEvent, { type: "iteration" }>) => {
    if (stage !== "train") {
      begin("train", 0, 0);
      iterationsSeen = 0;
    }
    iterationsSeen++;
    if (!terminal) return;
    progress(
      iterationsSeen,
      `epoch ${event.epoch + 1}, loss ${event.loss.toFixed(3)}, ${event.stepSeconds.toFixed(2)} s/step`,
    );
  };
  return { onEvent, finish: clearBar };
}

/** Cut to the width of the terminal, so that a bar never wraps. */
function fit(text: string, columns: number): string {
  if (displayWidth(text) < columns) return text;
  let shown = "";
  let width = 0;
  for (const character of text) {
    width += displayWidth(character);
    if (width > Math.max(1, columns - 2)) break;
    shown += character;
  }
  return `${shown}…`;
}
