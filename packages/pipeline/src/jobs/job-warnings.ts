import type { EventListener } from "@nnunet/core";

/** Of more than this nobody reads all. */
const MOST = 100;

/** Passes events on, and collects the warnings of the job that is done at the moment. */
export function hearWarnings(onEvent: EventListener | undefined): {
  readonly onEvent: EventListener;
  /** Those since this was asked last, each once. */
  take(): string[];
} {
  let heard = new Set<string>();
  return {
    onEvent: (event) => {
      // What the run itself says of its jobs is no warning of one of them.
      if (event.type === "message" && event.level === "warning" && event.stage !== "run") heard.add(event.text);
      onEvent?.(event);
    },
    take: () => {
      const all = [...heard];
      heard = new Set();
      return firstOf(all);
    },
  };
}

/** Warnings of a job that was done before, with those that it gave when it was looked at again. */
export const joined = (before: readonly string[], again: readonly string[]) =>
  firstOf([...new Set([...before, ...again])]);

const firstOf = (texts: readonly string[]) =>
  texts.length <= MOST ? [...texts] : [...texts.slice(0, MOST), `and ${texts.length - MOST} more`];
