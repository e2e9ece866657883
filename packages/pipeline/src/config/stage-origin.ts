import type { Stage } from "@nnunet/core";

/** Where a replaced stage comes from. */
export interface StageOrigin {
  /** URL of the module. */
  readonly module: string;
  /** Where the module is a config: which of its stages this is. Otherwise the stage is the default export. */
  readonly key?: string;
  /** SHA-256 of the module and of what it imports beside it, hex. */
  readonly sha256?: string | undefined;
}

// Beside the stages, not in them: a stage may be anybody's object, frozen or with private fields.
const origins = new WeakMap<Stage, StageOrigin>();

export function setOrigin(stage: Stage, origin: StageOrigin): void {
  origins.set(stage, origin);
}

export function stageOrigin(stage: Stage): StageOrigin | undefined {
  return origins.get(stage);
}
