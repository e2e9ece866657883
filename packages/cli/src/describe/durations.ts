/**
 * A duration as people say it.
 *
 * @example formatDuration(75); // "1 min 15 s"
 */
export function formatDuration(seconds: number): string {
  if (!(seconds >= 0)) return "?";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
