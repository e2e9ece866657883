import { printableName } from "@nnunet/core";
import type { CaseName } from "./report-data.ts";

/** "3d_fullres", or "2d + 3d_fullres" of an ensemble. */
export const configurationName = (configurations: readonly string[]) => configurations.join(" + ");

/** "case 7", and its id where names were asked for. */
export const caseName = ({ number, id }: CaseName) =>
  id === undefined ? `case ${number}` : `case ${number} (${printableName(id)})`;

/** A name beside the marks of a chart, where room is short. */
export const chartName = (name: string, isNarrow: boolean) => printableName(name, isNarrow ? 16 : 34);

/** A name on a line of a chart by itself: long enough for two configurations, so that no two of them look the same. */
export const lineName = (name: string) => printableName(name, 44);

export const foldName = (fold: number | "all") => (fold === "all" ? "fold all" : `fold ${fold}`);
