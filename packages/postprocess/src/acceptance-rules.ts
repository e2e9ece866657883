import type { Connectivity } from "@nnunet/kernels";
import type { MeanDice } from "./postprocessing.ts";

/** When removing small components is judged to have helped, and what counts as connected. */
export interface AcceptanceRules {
  readonly name: string;
  readonly connectivity: Connectivity;
  /** Whether to treat the whole foreground as one object, from the mean Dice per label before and after. */
  acceptForeground(before: MeanDice, after: MeanDice): boolean;
}

/** Comparisons with NaN (a label that no case has) are false: such a label neither improves nor worsens. */
const improved = (before: MeanDice, after: MeanDice) => Object.keys(before).some((key) => after[key]! > before[key]!);
const worsened = (before: MeanDice, after: MeanDice) => Object.keys(before).some((key) => after[key]! < before[key]!);
const mean = (dice: MeanDice) => Object.values(dice).reduce((sum, d) => sum + d, 0) / Object.keys(dice).length;

/**
 * The two sets of rules. A single label is adopted by both when its own Dice strictly improves.
 *
 * - `paper`: the foreground as a whole is adopted if one label improves and none worsens; face connectivity.
 * - `v2`: if the mean over labels improves and none worsens; full connectivity. With a label that no case has the mean
 *   is NaN and never improves, as in nnU-Net v2.
 *
 * @see paper, Methods "Empirical parameters"; docs/method.md §8
 */
export const acceptanceRules = {
  paper: {
    name: "paper",
    connectivity: "face",
    acceptForeground: (before, after) => improved(before, after) && !worsened(before, after),
  },
  v2: {
    name: "v2",
    connectivity: "full",
    acceptForeground: (before, after) => mean(after) > mean(before) && !worsened(before, after),
  },
} as const satisfies Record<string, AcceptanceRules>;
