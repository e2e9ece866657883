import {
  type Configuration,
  type ModelDataset,
  modelDatasetToJson,
  type Plans,
  plansToJson,
  UnsupportedError,
} from "@nnunet/core";
import { checkWeights, type NetworkGraph, type Weights } from "@nnunet/unet-model";
import { PickleTuple } from "../pickle/pickle-values.ts";
import { TensorToWrite, torchFileChunks } from "../torch/write-torch-file.ts";

/** One fold of a model of ours. */
export interface FoldToExport {
  readonly graph: NetworkGraph;
  readonly weights: Weights;
  readonly plans: Plans;
  readonly dataset: ModelDataset;
  readonly configuration: string;
  readonly fold: number | "all";
  readonly mirrorAxes: readonly number[];
  /** Epochs that were trained. */
  readonly epochs: number;
}

/**
 * A checkpoint that nnU-Net v2 loads: `checkpoint_final.pth`, piece by piece.
 *
 * Weights have every name under which its network holds them. Biases that v2 has and a network of ours lacks are zeros.
 * There is no optimiser state: its training cannot be continued there, but used as pretrained weights.
 *
 * @throws {UnsupportedError} if v2 cannot do what the plans say, and would segment otherwise
 */
export function v2CheckpointChunks(fold: FoldToExport): Generator<Uint8Array> {
  const { graph, weights, plans, dataset, configuration, epochs, mirrorAxes } = fold;
  const c = plans.configurations[configuration]!;
  refuseWhatV2CannotDo(c);
  checkWeights(graph, weights, `weights of fold ${fold.fold}`);
  return torchFileChunks({
    network_weights: stateDict(graph, weights, c),
    optimizer_state: {},
    grad_scaler_state: null,
    logging: {},
    _best_ema: null,
    current_epoch: epochs,
    init_args: {
      plans: v2PlansJson(plans),
      configuration,
      fold: fold.fold,
      dataset_json: modelDatasetToJson(dataset),
    },
    trainer_name: "nnUNetTrainer",
    inference_allowed_mirroring_axes: mirrorAxes.length === 0 ? null : new PickleTuple(mirrorAxes),
  });
}

/** `plans.json` as nnU-Net v2 has it: without our explanation. What it does not know of a configuration it does not read. */
export function v2PlansJson(plans: Plans): unknown {
  const { explanation: _, ...rest } = plansToJson(plans) as Record<string, unknown>;
  return JSON.parse(JSON.stringify(rest));
}

function refuseWhatV2CannotDo(c: Configuration): void {
  const net = c.architecture;
  const reasons = [
    !c.normalizeBeforeResampling && "it resamples before it normalises",
    c.averaging !== "logits" && "it averages probabilities",
    net.decoderKernelSizes && "its decoder has kernels of its own",
    net.norm === "none" && "it has no norms",
    net.norm === "batch" && "it has batch norms",
  ].filter((reason) => typeof reason === "string");
  if (reasons.length === 0) return;
  throw new UnsupportedError(
    `a model for nnU-Net v2 of a configuration that nnU-Net v2 would run otherwise (${reasons.join(", ")})`,
    "plan by the rules v2 (or resenc-m, -l, -xl) with `plan()` and train that",
  );
}

function stateDict(graph: NetworkGraph, weights: Weights, { architecture }: Configuration): Map<string, TensorToWrite> {
  const own = new Map<string, TensorToWrite>();
  for (const { name } of graph.parameters) {
    const { data, shape } = weights.get(name)!;
    own.set(name, new TensorToWrite(data, shape));
  }
  const addBias = (pattern: RegExp, of: (shape: readonly number[]) => number) => {
    for (const [name, { shape }] of [...own]) {
      const bias = name.replace(/weight$/, "bias");
      if (pattern.test(name) && !own.has(bias))
        own.set(bias, new TensorToWrite(new Float32Array(of(shape)), [of(shape)]));
    }
  };
  addBias(/^decoder\.seg_layers\.\d+\.weight$/, ([outputs]) => outputs!);
  if (architecture.convBias) addBias(/^decoder\.transpconvs\.\d+\.weight$/, ([, outputs]) => outputs!);
  const normIndex = architecture.activationFirst ? 2 : 1;
  const all = new Map(own);
  for (const [name, tensor] of own) {
    const [, block, part, kind] = /^(.*)\.(conv|norm)\.(weight|bias)$/.exec(name) ?? [];
    if (block !== undefined) all.set(`${block}.all_modules.${part === "conv" ? 0 : normIndex}.${kind}`, tensor);
  }
  for (const [name, tensor] of [...all]) {
    if (name.startsWith("encoder.")) all.set(`decoder.${name}`, tensor);
  }
  return all;
}
