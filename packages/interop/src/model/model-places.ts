import { FileError } from "@nnunet/core";
import type { Bundle } from "./bundle.ts";

/** A model's folder inside a bundle. */
export interface ModelPlace {
  /** "" or "Dataset004_Hippocampus/nnUNetTrainer__nnUNetPlans__3d_fullres/" */
  readonly prefix: string;
  readonly version: 1 | 2;
  /** Checkpoint files by fold, in the order of folds; of several kinds each. */
  readonly folds: ReadonlyMap<Fold, readonly string[]>;
}

export type Fold = number | "all";

/**
 * The model folders of nnU-Net in a bundle: those with folds in which checkpoints lie.
 *
 * @returns in the order of their names
 */
export function modelPlaces(bundle: Bundle): ModelPlace[] {
  const places = new Map<string, Map<Fold, string[]>>();
  for (const name of bundle.names) {
    const found = /^(|.*\/)(fold_(0|[1-9]\d{0,5})|fold_all|all)\/([^/]+\.(?:pth|model))$/.exec(name);
    if (!found) continue;
    const [, prefix, , number, file] = found;
    const fold: Fold = number === undefined ? "all" : Number(number);
    const folds = places.get(prefix!) ?? new Map<Fold, string[]>();
    folds.set(fold, [...(folds.get(fold) ?? []), file!]);
    places.set(prefix!, folds);
  }
  return [...places].map(([prefix, folds]) => {
    const inOrder = [...folds].sort(([a], [b]) => (a === "all" ? 1 : b === "all" ? -1 : a - b));
    const version = [...folds.values()].flat().some((file) => file.endsWith(".pth")) ? 2 : 1;
    return { prefix, version, folds: new Map(inOrder) };
  });
}

/**
 * The one model of a bundle, or the one of that configuration.
 *
 * @throws {FileError} if there is none, or several
 */
export function onlyPlace(bundle: Bundle, configuration?: string): ModelPlace {
  const all = modelPlaces(bundle);
  const isOf = ({ prefix }: ModelPlace) => prefix.split("/").at(-2)?.endsWith(`__${configuration}`) ?? false;
  const fitting = configuration === undefined || all.length === 1 ? all : all.filter(isOf);
  if (fitting.length === 1) return fitting[0]!;
  const listed = all.slice(0, 4).map(({ prefix }) => prefix.slice(0, -1) || ".");
  if (fitting.length === 0) {
    const there = all.length === 0 ? "" : `; it has ${listed.join(", ")}`;
    const wanted = configuration === undefined ? "" : ` of ${configuration}`;
    const expected = "expected fold_0/checkpoint_final.pth and the like beside plans.json and dataset.json";
    throw new FileError(bundle.path, `holds no trained model of nnU-Net${wanted}: ${expected}${there}`);
  }
  const more = all.length > 4 ? `, … (${all.length} in all)` : "";
  throw new FileError(
    bundle.path,
    `holds ${fitting.length} models; name the folder of one, or its configuration: ${listed.join(", ")}${more}`,
  );
}

/**
 * The folds of a model that are read: those that were asked for, otherwise those of the cross-validation, or fold "all"
 * where it is alone, as nnU-Net chooses.
 *
 * @param checkpoint - name of the checkpoint's file
 * @returns the file of each fold
 * @throws {FileError} if a fold is missing, or has no such checkpoint
 */
export function foldFiles(
  bundle: Bundle,
  { prefix, folds }: ModelPlace,
  asked: readonly Fold[] | undefined,
  checkpoint: string,
): [fold: Fold, name: string][] {
  const numbered = [...folds.keys()].filter((fold) => fold !== "all");
  const chosen = asked ?? (numbered.length > 0 ? numbered : [...folds.keys()]);
  const path = `${bundle.path}/${prefix}`;
  return chosen.map((fold) => {
    const files = folds.get(fold);
    if (!files) {
      const there = [...folds.keys()].join(", ");
      throw new FileError(`${path}fold_${fold}`, `is missing; this model has the folds ${there}`);
    }
    if (!files.includes(checkpoint)) {
      const problem = `is missing; it has ${files.join(", ")}, which can be named instead`;
      throw new FileError(`${path}fold_${fold}/${checkpoint}`, problem);
    }
    const folder = fold === "all" && bundle.names.includes(`${prefix}all/${checkpoint}`) ? "all" : `fold_${fold}`;
    return [fold, `${prefix}${folder}/${checkpoint}`];
  });
}
