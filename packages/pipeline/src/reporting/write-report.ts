import { join, resolve } from "node:path";
import { FileError, type Plans, type RawDataset, type StageOptions } from "@nnunet/core";
import { exists, pathBelow, readRegularFile, whileLocked, writeFileAtomic } from "@nnunet/core/node";
import type { ReportData } from "@nnunet/report";
import type { Context } from "../stages.ts";
import { timedStage } from "../steps/timed-stage.ts";
import { type CollectOptions, collectReport } from "./collect-report.ts";
import { reportPackage } from "./report-package.ts";

export interface ReportOptions extends CollectOptions, StageOptions {
  /** Where the page goes; `report__<plan>.html` in the results of the dataset by default. */
  readonly output?: string | undefined;
  /** Replace a file that is there and no report; otherwise it is an error. An earlier report is replaced anyway. */
  readonly overwrite?: boolean | undefined;
}

export interface ReportResult {
  readonly path: string;
  readonly data: ReportData;
}

/**
 * What is known of a dataset and a plan → one HTML page. What is not there yet is left out, and said in it.
 *
 * @param plans - undefined where there is no plan yet
 * @throws {FileError} if the output is there and is no report
 */
export async function writeReport(
  context: Context,
  dataset: RawDataset,
  plans: Plans | undefined,
  { output, overwrite = false, signal, onEvent, ...options }: ReportOptions = {},
): Promise<ReportResult> {
  const path = output === undefined ? reportPath(context, dataset, plans) : resolve(output);
  const write = () =>
    timedStage("report", { detail: dataset.name }, { onEvent }, async () => {
      const { renderReport } = await reportPackage();
      if (!overwrite) await refuseForeign(path);
      const data = await collectReport(context, dataset, plans, options);
      await writeFileAtomic(path, renderReport(data));
      return { result: { path, data }, detail: path };
    });
  return whileLocked(path, "writing a report", write, { wait: { stage: "report" }, signal, onEvent });
}

export function reportPath(
  { folders }: Context,
  dataset: RawDataset,
  plans: Pick<Plans, "plansName"> | undefined,
): string {
  const name = plans === undefined ? "report.html" : `report__${plans.plansName}.html`;
  return pathBelow(join(folders.results, dataset.name), name);
}

/** Whether the page of a plan is there and says what would be said now; its pictures are not looked at. */
export async function isReportUpToDate(context: Context, dataset: RawDataset, plans: Plans): Promise<boolean> {
  const path = reportPath(context, dataset, plans);
  if (!(await exists(path))) return false;
  const { madeFrom } = await collectReport(context, dataset, plans, { pictures: false });
  const { madeFromMark } = await reportPackage();
  return (await headOf(path)).includes(madeFromMark(madeFrom));
}

/** The marker stands within the first lines. */
const headLength = 1000;

async function refuseForeign(path: string): Promise<void> {
  if (!(await exists(path))) return;
  const { reportMarker } = await reportPackage();
  if (!(await headOf(path)).includes(reportMarker)) {
    throw new FileError(path, "exists already and is no report; choose another output, or have it replaced");
  }
}

const headOf = async (path: string) => (await readRegularFile(path)).subarray(0, headLength).toString("utf8");
