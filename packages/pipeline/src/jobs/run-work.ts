import type { GivenUp } from "../budget/given-up.ts";
import type { Length } from "../budget/costs.ts";
import type { Fold } from "../folders.ts";
import type { Training } from "./training.ts";

/** Which networks a run trains. */
export interface RunWork {
  /** In the order of work. */
  readonly trainings: readonly Training[];
  /** The folds that all configurations have, and that are of the cross-validation. */
  readonly compared: readonly number[];
  /** Folds of the trainings that have seen every case; of one configuration they become a predictor that is not validated. */
  readonly onAllCases?: readonly Fold[];
  /** How long each is trained, where a budget decided that. */
  readonly lengths?: Readonly<Record<string, Length>>;
  /** What is not done of all that there could be, and what that costs. */
  readonly givenUp?: readonly GivenUp[];
  /** Said loudly, before and after: trainings so short that nothing can be learnt. */
  readonly warning?: string;
}

/** What a run does within its budget, as it was decided; kept, so that the same run goes on with it after a stop. */
export interface RunEffort extends RunWork {
  /** Hash of what was asked for, and of what. */
  readonly of: string;
  readonly lengths: NonNullable<RunWork["lengths"]>;
  /** After the survey. */
  readonly seconds: number;
  readonly givenUp: readonly GivenUp[];
}
