import { InvalidArtifactError, show } from "@nnunet/core";
import type { RandomAccess } from "../bytes/random-access.ts";
import { PickleDict, PickleObject, PickleTuple } from "../pickle/pickle-values.ts";
import { plainValue } from "../pickle/plain-value.ts";
import { openTorchFile } from "../torch/open-torch-file.ts";
import type { TorchFile } from "../torch/torch-file.ts";
import { readStateDict, type StateDict } from "./state-dict.ts";

/** What a checkpoint of nnU-Net v2 says, beside its weights. */
export interface V2Checkpoint {
  readonly file: TorchFile;
  readonly state: StateDict;
  readonly configuration: string;
  readonly fold: number | "all" | undefined;
  readonly trainer: string;
  /** Spatial axes of the patch. */
  readonly mirrorAxes: readonly number[];
  /** Epochs that were trained. */
  readonly epochs: number | undefined;
  /** The plans and dataset.json that the training was started with; undefined where it carries none. */
  readonly plans: unknown;
  readonly dataset: unknown;
}

/**
 * Opens a checkpoint of nnU-Net v2. Optimiser state and logs are not looked at.
 *
 * @throws {InvalidArtifactError} if it is none, or no file of torch
 */
export async function openV2Checkpoint(source: RandomAccess): Promise<V2Checkpoint> {
  const file = await openTorchFile(source);
  const { path } = source;
  const fail = (field: string, problem: string) => new InvalidArtifactError(path, field, problem);
  const content = file.value;
  if (!(content instanceof PickleDict)) {
    const what =
      content instanceof PickleObject
        ? `asks for ${content.path}, which is never called`
        : `is ${show(typeof content)}`;
    throw fail("", `${what}; a checkpoint of nnU-Net is a table with network_weights`);
  }
  if (content.get("state_dict") !== undefined && content.get("network_weights") === undefined) {
    throw fail(
      "",
      "is a checkpoint of another program, or of nnU-Net v1; of v1 name the model's folder, which has its plans.pkl",
    );
  }
  const state = readStateDict(content.get("network_weights"), path, "network_weights");
  const init = content.get("init_args");
  if (!(init instanceof PickleDict)) throw fail("init_args", "is missing; this is no checkpoint of nnU-Net v2");
  const configuration = init.get("configuration");
  if (typeof configuration !== "string") throw fail("init_args.configuration", "expected the name of a configuration");
  const fold = init.get("fold");
  const trainer = content.get("trainer_name");
  const epochs = content.get("current_epoch");
  return {
    file,
    state,
    configuration,
    fold: Number.isSafeInteger(fold) && (fold as number) >= 0 ? (fold as number) : fold === "all" ? "all" : undefined,
    trainer: typeof trainer === "string" ? trainer : "unknown",
    mirrorAxes: mirrorAxes(content.get("inference_allowed_mirroring_axes"), path),
    epochs: typeof epochs === "number" ? epochs : undefined,
    plans: plain(init.get("plans"), path, "init_args.plans"),
    dataset: plain(init.get("dataset_json"), path, "init_args.dataset_json"),
  };
}

function plain(value: unknown, path: string, field: string): unknown {
  return value instanceof PickleDict ? plainValue(value, path, field) : undefined;
}

/** Missing or None: the network was not trained on mirrored images, so it is not mirrored. */
function mirrorAxes(value: unknown, path: string): number[] {
  const axes = value instanceof PickleTuple ? value.items : value === null || value === undefined ? [] : value;
  if (
    Array.isArray(axes) &&
    axes.every((axis) => axis === 0 || axis === 1 || axis === 2) &&
    new Set(axes).size === axes.length
  ) {
    return [...axes].sort();
  }
  throw new InvalidArtifactError(path, "inference_allowed_mirroring_axes", "expected some of the axes 0, 1 and 2");
}

/** Whether a state_dict holds running statistics: those of batch norms. */
export function hasBatchNorms(state: StateDict): boolean {
  for (const name of state.keys()) if (name.endsWith(".norm.running_mean")) return true;
  return false;
}
