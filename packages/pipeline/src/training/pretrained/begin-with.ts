import {
  alignedColumns,
  createRandom,
  elementCount,
  FileError,
  isJsonObject,
  labelSet,
  type NetworkGraph,
  type Plans,
  type RawDataset,
} from "@nnunet/core";
import {
  buildNetwork,
  initialiseWeights,
  transferWeights,
  type TransferredWeight,
  type Weights,
} from "@nnunet/unet-model";
import { meaningOf, type Pretrained } from "./read-pretrained.ts";

/** Weights of one part of a network that became the same. */
export interface TransferRow {
  /** "encoder.stages.0" */
  readonly part: string;
  readonly weights: number;
  readonly is: TransferredWeight["is"];
  readonly why?: string;
}

/** What a training began with; kept in its record and its checkpoints. */
export interface PretrainedRecord {
  /** "3d_fullres of Dataset004_Hippocampus" */
  readonly from: string;
  readonly sha256: string;
  /** The part of all numbers of the network that was copied or adapted. */
  readonly fraction: number;
  readonly rows: readonly TransferRow[];
}

/** What is trained, as far as weights are taken over into it. */
export interface Begun {
  readonly plans: Plans;
  readonly dataset: RawDataset;
  readonly name: string;
  readonly inputChannels: number;
  /** Where it is not the configuration's. */
  readonly network?: NetworkGraph | undefined;
  readonly seed: number;
}

/**
 * All weights that a training begins with where it takes over those of a trained network.
 *
 * @param path - of the trained network, for the error
 * @throws {FileError} if none of its convolutions fits
 */
export function beginWith(
  pretrained: Pretrained,
  { plans, dataset, name, inputChannels, network, seed }: Begun,
  path: string,
): { readonly weights: Weights; readonly record: PretrainedRecord } {
  const { architecture, patchSize } = plans.configurations[name]!;
  const size = { inputChannels, outputChannels: labelSet(dataset.json).outputChannels, patchSize };
  const graph = network ?? buildNetwork(architecture, size);
  const fresh = initialiseWeights(graph, createRandom(seed, "weights"));
  const meaning = meaningOf({ plans, dataset: dataset.json, configuration: name });
  const { weights, table } = transferWeights(graph, meaning, fresh, pretrained);
  refuseNothing(graph, table, pretrained.weights, path, name);
  const count = (some: readonly TransferredWeight[]) =>
    some.reduce((sum, each) => sum + elementCount(weights.get(each.name)!.shape), 0);
  const fraction = count(table.filter(({ is }) => is !== "initialised")) / count(table);
  const { from, sha256 } = pretrained;
  return { weights, record: { from, sha256, fraction, rows: rowsOf(table) } };
}

/** One row for the weights of a part that follow each other and became the same. */
function rowsOf(table: readonly TransferredWeight[]): TransferRow[] {
  const rows: TransferRow[] = [];
  for (const { name, is, why } of table) {
    const part = /^(?:encoder|decoder)\.\w+(?:\.\d+)?/.exec(name)?.[0] ?? name;
    const at = rows.findIndex((row) => row.part === part && row.is === is && row.why === why);
    if (at < 0) rows.push({ part, weights: 1, is, ...(why !== undefined && { why }) });
    else rows[at] = { ...rows[at]!, weights: rows[at]!.weights + 1 };
  }
  return rows;
}

/** Whose norms and biases alone fit is another network. */
function refuseNothing(
  { nodes, outputs }: NetworkGraph,
  table: readonly TransferredWeight[],
  theirs: Weights,
  path: string,
  name: string,
): void {
  const heads = new Set(outputs.map(({ id }) => id));
  const convolutions = new Set(
    nodes.flatMap((node) => (node.kind === "conv" && !heads.has(node.output.id) ? [node.weight] : [])),
  );
  const wanted = table.filter((each) => convolutions.has(each.name));
  if (wanted.some(({ is }) => is !== "initialised")) return;
  const [first] = wanted;
  const why = first === undefined ? "it has no convolutions" : `${first.name}: ${first.why}`;
  const features = first && theirs.get(first.name)?.shape[0];
  const sizes = features === undefined ? "" : ` (it begins with ${features} features: \`baseFeatures\` ${features})`;
  const remedy = `plan as it was planned: features, kernels, kind of network${sizes}, or leave \`pretrained\` out`;
  throw new FileError(path, `no convolution of it fits the network of ${name} (${why}); ${remedy}`);
}

/** The table as lines for the log. */
export function pretrainedLines({ from, sha256, fraction, rows }: PretrainedRecord): string[] {
  const head = `begins with ${(100 * fraction).toFixed(fraction < 0.999 ? 0 : 1)} % of its numbers from ${from} (sha256 ${sha256.slice(0, 16)})`;
  const cells = rows.map(({ part, weights, is, why }) => [part, String(weights), is, why ?? ""]);
  const table = alignedColumns([["weights of", "number", "are", "how"], ...cells], { toTheRight: (i) => i === 1 });
  return [head, ...table];
}

/** A pretrained network in one word, as records of recipes name it. */
export function pretrainedName({ from, sha256 }: Pick<PretrainedRecord, "from" | "sha256">): string {
  return `${from} (sha256 ${sha256.slice(0, 16)})`;
}

/** What a record says a training began with; undefined where it began with initial weights. */
export function recordedPretrained(record: unknown): PretrainedRecord | undefined {
  const isWhole = isJsonObject(record) && typeof record["sha256"] === "string" && typeof record["from"] === "string";
  return isWhole ? (record as unknown as PretrainedRecord) : undefined;
}
