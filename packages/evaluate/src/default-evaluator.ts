import type { Evaluator } from "@nnunet/core";
import { caseMetrics } from "./case-metrics.ts";

/** Dice, IoU and counts per label or region, as a stage. */
export const defaultEvaluator: Evaluator = { name: "default", caseMetrics };
