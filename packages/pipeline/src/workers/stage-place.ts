import { FileError, type StageOptions, type Stage } from "@nnunet/core";

/** What a worker thread needs to know of a stage; undefined for the default one. */
export interface StageModule {
  readonly module: string;
  readonly name: string;
}

/** A task for a worker, and the stage that does it where that is not the default one. */
export type Staged<T> = T & { readonly stage?: StageModule | undefined };

/** Where a stage runs: in worker threads (the default, or one that a module exports), or in the main thread. */
export type StagePlace = { readonly workers: true; readonly module?: StageModule } | { readonly workers: false };

/** A replaced stage without a module is a function, which cannot travel to another thread; that is told. */
export function placeOf(stage: Stage, standard: Stage, work: string, { onEvent }: StageOptions): StagePlace {
  if (stage === standard) return { workers: true };
  const { name, module } = stage;
  if (module !== undefined) return { workers: true, module: { module, name } };
  const text = `${name} runs in the main thread, one case or batch at a time; a stage with a module runs in worker threads`;
  onEvent?.({ type: "message", stage: work, level: "info", text });
  return { workers: false };
}

/**
 * The stage in a worker thread.
 *
 * @throws {FileError} if the module cannot be imported, or its default export is not the stage of that name
 */
export async function stageInWorker<T extends Stage>(place: StageModule | undefined, standard: T): Promise<T> {
  if (!place) return standard;
  const { module, name } = place;
  const imported: { readonly default?: Stage } = await import(module).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileError(module, `the module of the stage ${name} cannot be imported: ${reason}`, { cause: error });
  });
  if (imported.default?.name !== name) {
    throw new FileError(module, `expected the stage ${name} as its default export, got ${imported.default?.name}`);
  }
  return imported.default as T;
}
