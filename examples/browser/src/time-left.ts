/**
 * Estimates the rest of some work from what was done since its first report, which includes all preparation.
 *
 * @returns of (done, total), words to put behind them: ", about 40 s left"; nothing before it can be known
 */
export function timeLeft(now: () => number = () => performance.now()): (done: number, total: number) => string {
  let first: { readonly at: number; readonly done: number } | undefined;
  return (done, total) => {
    first ??= { at: now(), done };
    if (done === first.done || done >= total) return "";
    const seconds = ((now() - first.at) / 1000 / (done - first.done)) * (total - done);
    if (seconds < 1) return "";
    return seconds < 90 ? `, about ${Math.ceil(seconds)} s left` : `, about ${Math.ceil(seconds / 60)} min left`;
  };
}
