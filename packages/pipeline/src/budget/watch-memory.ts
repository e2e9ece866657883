/** Milliseconds between two looks. */
const every = 100;

/** Samples the memory of the process while something runs. */
export function watchMemory(): { peakGb(): number; stop(): void } {
  let peak = process.memoryUsage.rss();
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, every);
  timer.unref();
  return {
    peakGb() {
      look();
      return peak / 1e9;
    },
    stop: () => clearInterval(timer),
  };
}
