import type { EventListener } from "@nnunet/core";
import type { ImageWarning } from "@nnunet/io";

/** What is odd about an image becomes a warning of the stage that reads it. */
export function warnOfImages(stage: string, onEvent: EventListener | undefined): (warning: ImageWarning) => void {
  return ({ path, field, problem }) => {
    const text = `${path}${field && ` → ${field}`}: ${problem}`;
    onEvent?.({ type: "message", stage, level: "warning", text });
  };
}
