/**
 * What a long stage tells while it works. One event is one line of NDJSON; the command line's progress bars, the
 * logs and any dashboard read these and nothing else.
 */
export type NnunetEvent =
  | { readonly type: "stage-start"; readonly stage: string; readonly total?: number; readonly detail?: string }
  | {
      readonly type: "progress";
      readonly stage: string;
      /** Units of work done, of `total`. */
      readonly done: number;
      readonly total: number;
      /** What was just finished: a case id, an epoch. */
      readonly item?: string;
    }
  | { readonly type: "stage-end"; readonly stage: string; readonly seconds: number; readonly detail?: string }
  | { readonly type: "message"; readonly stage: string; readonly level: "info" | "warning"; readonly text: string }
  | {
      readonly type: "iteration";
      readonly stage: "train";
      readonly epoch: number;
      readonly iteration: number;
      readonly loss: number;
      readonly stepSeconds: number;
      /** Seconds that the step waited for its batch: if this is large, augmentation is the bottleneck. */
      readonly batchWaitSeconds: number;
    }
  | {
      readonly type: "epoch";
      readonly stage: "train";
      readonly epoch: number;
      readonly epochs: number;
      readonly learningRate: number;
      readonly trainLoss: number;
      readonly validationLoss: number;
      /** Dice per foreground class over all validation patches; NaN where the class never occurs. */
      readonly pseudoDice: readonly number[];
      readonly movingPseudoDice: number;
      readonly seconds: number;
      /** Where the time went: the steps, waiting for batches, the validation, writing checkpoints. */
      readonly stepSeconds?: number | undefined;
      readonly waitSeconds?: number | undefined;
      readonly validationSeconds?: number | undefined;
      readonly checkpointSeconds?: number | undefined;
      /** How it was computed: "ort on cpu, convolutions blocked-16". */
      readonly engine?: string;
    };

export type EventListener = (event: NnunetEvent) => void;

/** What every long stage takes. */
export interface StageOptions {
  readonly signal?: AbortSignal;
  readonly onEvent?: EventListener;
}
