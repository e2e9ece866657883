import type { SeedSpread } from "@nnunet/pipeline";

/**
 * One line per configuration of which several seeds are trained.
 *
 * @example describeSeeds([{ configuration: "2d", patchDice: [0.8, 0.9] }]);
 * // ["2d, 2 seeds: patch Dice at the end 0.800 to 0.900, mean 0.850, standard deviation 0.071; …"]
 */
export function describeSeeds(spreads: readonly SeedSpread[]): string[] {
  return spreads.map(({ configuration, patchDice }) => {
    const [n, shown] = [patchDice.length, (value: number) => value.toFixed(3)];
    const mean = patchDice.reduce((total, value) => total + value, 0) / n;
    const deviation = Math.sqrt(patchDice.reduce((total, value) => total + (value - mean) ** 2, 0) / (n - 1));
    const range = `${shown(Math.min(...patchDice))} to ${shown(Math.max(...patchDice))}`;
    return `${configuration}, ${n} seeds: patch Dice at the end ${range}, mean ${shown(mean)}, standard deviation ${shown(deviation)}; they differ by chance alone, and were measured on the cases that they were trained on`;
  });
}
