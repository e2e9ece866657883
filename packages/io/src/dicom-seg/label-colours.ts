/** Told apart on grey images, also by colour-blind eyes where there are few. */
const first = ["#f4d35a", "#4fb8f5", "#ff7a4d", "#5fd6a2", "#ee82c4", "#b58cff", "#a4d64a", "#ff5d6c"] as const;

/** Red, green, blue, 0–255, of the label in place `index`; after the first eight, hues a golden angle apart. */
export function labelColour(index: number): readonly [number, number, number] {
  const hex = first[index];
  if (hex)
    return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as [number, number, number];
  const hue = ((index * 137.508) % 360) / 60;
  const channel = (shift: number) => {
    const k = (shift + hue * 2) % 12;
    return Math.round(255 * (0.62 - 0.33 * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}
