import { fileURLToPath } from "node:url";
import { FileError, type StageOptions, type Stage } from "@nnunet/core";
import { guarded } from "../config/guarded.ts";
import { loadConfig } from "../config/load-config.ts";
import { importDefault } from "../config/module-loader.ts";
import { stageOrigin } from "../config/stage-origin.ts";

/** What a worker thread needs to know of a stage; undefined for the default one. */
export interface StageModule {
  readonly module: string;
  readonly name: string;
  /** Where the module is a config: the stage's key in it. */
  readonly key?: string;
}

/** A task for a worker, and the stage that does it where that is not the default one. */
export type Staged<T> = T & { readonly stage?: StageModule | undefined };

/** Where a stage runs: in worker threads (the default, or one that a module exports), or in the main thread. */
export type StagePlace = { readonly workers: true; readonly module?: StageModule } | { readonly workers: false };

/** A replaced stage without a module is a function, which cannot travel to another thread; that is told. */
export function placeOf(stage: Stage, standard: Stage, work: string, { onEvent }: StageOptions): StagePlace {
  if (stage === standard) return { workers: true };
  const { name } = stage;
  const origin = stageOrigin(stage);
  if (origin !== undefined) {
    const { module, key } = origin;
    return { workers: true, module: { module, name, ...(key === undefined ? {} : { key }) } };
  }
  const text = `${name} runs in the main thread, one case or batch at a time; a stage with a module runs in worker threads`;
  onEvent?.({ type: "message", stage: work, level: "info", text });
  return { workers: false };
}

/**
 * The stage in a worker thread.
 *
 * @param whole - makes the stage of what a module exports, where that may be a piece of it
 * @throws {FileError} if the module cannot be imported, or does not hold the stage of that name
 */
export async function stageInWorker<T extends Stage>(
  place: StageModule | undefined,
  standard: T,
  whole = (exported: T): T => exported,
): Promise<T> {
  if (!place) return standard;
  const { module, name, key } = place;
  const found = key === undefined ? await importStage<T>(place) : await stageOfConfig<T>(module, key);
  if (found?.name !== name) {
    const where = key === undefined ? "default export" : key;
    throw new FileError(module, `expected the stage ${name} as its ${where}, got ${found?.name}`);
  }
  return whole(found);
}

async function stageOfConfig<T extends Stage>(module: string, key: string): Promise<T | undefined> {
  const stages: Readonly<Record<string, unknown>> = { ...(await loadConfig(fileURLToPath(module))) };
  return stages[key] as T | undefined;
}

async function importStage<T extends Stage>({ module, name }: StageModule): Promise<T | undefined> {
  const path = module.startsWith("file:") ? fileURLToPath(module) : module;
  try {
    const exported = /^file:.*\.[mc]?ts$/.test(module)
      ? ((await importDefault(path)) as T)
      : ((await import(module)) as { readonly default?: T }).default;
    return exported && guarded(exported, `stage ${JSON.stringify(name)}`, [path]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileError(module, `the module of the stage ${name} cannot be imported: ${reason}`, { cause: error });
  }
}
