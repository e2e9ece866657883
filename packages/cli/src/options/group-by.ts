import { readFile } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { FileError, InvalidArgumentError, listed, type RawDataset } from "@nnunet/core";
import { exists } from "@nnunet/core/node";
import { parse } from "csv-parse/sync";

/**
 * The group of each training case.
 *
 * @param by - `FILE.csv:COLUMN` of a table below the working directory or the dataset's folder, or a regular expression
 *   with a capture group
 */
export async function groupsBy(by: string, dataset: RawDataset): Promise<Record<string, string>> {
  const ids = dataset.trainingCases.map(({ id }) => id);
  const table = /^(.+\.(?:csv|tsv)):([^:]+)$/i.exec(by);
  if (/\.(csv|tsv)$/i.test(by)) {
    throw new InvalidArgumentError("--group-by", "the table and its column, such as patients.csv:patient", by);
  }
  return table ? groupsOfTable(table[1]!, table[2]!, ids, dataset.folder) : groupsOfPattern(by, ids);
}

function groupsOfPattern(by: string, ids: readonly string[]): Record<string, string> {
  let pattern: RegExp;
  try {
    pattern = new RegExp(by);
  } catch (error) {
    throw new InvalidArgumentError("--group-by", `a regular expression (${(error as Error).message})`, by);
  }
  if (!/\((?!\?)|\(\?</.test(by)) {
    throw new InvalidArgumentError("--group-by", "a pattern with a capture group, such as '^(patient\\d+)_'", by);
  }
  return Object.fromEntries(
    ids.map((id) => {
      const found = pattern.exec(id)?.[1];
      if (found === undefined || found === "") {
        throw new InvalidArgumentError(
          "--group-by",
          `a pattern whose capture group is found in every case id, ${id} too`,
          by,
        );
      }
      return [id, found];
    }),
  );
}

async function groupsOfTable(
  file: string,
  column: string,
  ids: readonly string[],
  datasetFolder: string,
): Promise<Record<string, string>> {
  const inDataset = join(datasetFolder, file);
  const path = !isAbsolute(file) && !(await exists(file)) && (await exists(inDataset)) ? inDataset : resolve(file);
  if (!(await exists(path))) throw new FileError(path, "there is no such table");
  let rows: string[][];
  try {
    const delimiter = /\.tsv$/i.test(path) ? ["\t"] : [",", ";", "\t"];
    rows = parse(await readFile(path, "utf8"), { bom: true, delimiter, trim: true, skip_empty_lines: true });
  } catch (error) {
    throw new FileError(path, `is no table of comma-separated values (${(error as Error).message})`);
  }
  const [head = [], ...lines] = rows;
  const at = head.indexOf(column);
  if (at < 0) throw new FileError(path, `has no column ${column}; its columns are ${listed(head)}`);
  const groups = new Map<string, string>();
  for (const line of lines) {
    const [id, group] = [line[0]!, line[at]!];
    if (groups.has(id) && groups.get(id) !== group) {
      throw new FileError(path, `has case ${id} twice, with ${groups.get(id)} and with ${group}`);
    }
    groups.set(id, group);
  }
  const missing = ids.filter((id) => (groups.get(id) ?? "") === "");
  if (missing.length > 0) {
    throw new FileError(path, `has no ${column} of ${listed(missing)}; the first column must hold the case ids`);
  }
  return Object.fromEntries(ids.map((id) => [id, groups.get(id)!]));
}
