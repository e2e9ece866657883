import type { StageOptions } from "@nnunet/core";

/**
 * Frames a piece of work by its start and end events.
 *
 * @param work - returns the result and one phrase about it for the end event
 */
export async function timedStage<T>(
  stage: string,
  start: { readonly total?: number; readonly detail?: string },
  { onEvent }: StageOptions,
  work: () => Promise<{ result: T; detail?: string | undefined }>,
): Promise<T> {
  const began = performance.now();
  onEvent?.({ type: "stage-start", stage, ...start });
  const { result, detail } = await work();
  onEvent?.({ type: "stage-end", stage, seconds: (performance.now() - began) / 1000, ...(detail ? { detail } : {}) });
  return result;
}
