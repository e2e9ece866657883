import { InvalidArtifactError, printableName } from "@nnunet/core";

/*
 * A trainer of nnU-Net may build another network than its plans say. Names and shapes of weights tell of most of it; nothing
 * tells of another activation, another epsilon or another order of layers. So only trainers are taken at their plans' word
 * of which that is known: tools/fixtures/interop/trainers.py builds the network of each and compares.
 */

/** What a trainer's network is: the one of its plans, that with batch norms, another one, or nobody here knows. */
export type TrainedNetwork = "plan" | "batch norm" | "other" | "unknown";

/** After `nnUNetTrainer`: trainers of nnU-Net v2.0 to v2.8 that change the training alone. */
const asPlannedV2 = new Set(
  `Adam Adam1en3 Adam3en4 Adan Adan1en1 Adan1en3 Adan3en4 AdanCosAnneal Benchmark_5epochs Benchmark_5epochs_noDataLoading
  CELoss CELoss_5epochs CosAnneal DA5 DA5Segord0 DA5_10epochs DA5ord0 DAOrd0 DiceCELoss_noSmooth DiceLoss DiceTopK10Loss NoDA
  NoDeepSupervision NoMirroring Topk10Loss Topk10LossLS01 VanillaAdam VanillaAdam1en3 VanillaAdam3en4 _DASegOrd0
  _DASegOrd0_NoMirroring _noDummy2DDA _onlyMirror01 _onlyMirror01_1500ep _onlyMirror01_DA5 _onlyMirror01_DASegOrd0
  _probabilisticOversampling _probabilisticOversampling_010 _probabilisticOversampling_033 _warmup`.split(/\s+/),
);

/** The same after `nnUNetTrainerV2` of nnU-Net v1.7. */
const asPlannedV1 = new Set(
  `_2epochs_dummyLoad _5epochs_CEnoDS _5epochs_dummyLoad _5epochs_dummyLoadCEnoDS _5epochs_noDS _Adam _Adam_ReduceOnPlateau
  _Adam_nnUNetTrainerlr _DA2 _DA3 _DA5 _DDP _DDP_5epochs _DDP_5epochs_dummyLoad _DP _ForceBD _ForceSD _Loss_CE _Loss_CEGDL
  _Loss_Dice _Loss_DiceCE_noSmooth _Loss_DiceTopK10 _Loss_Dice_LR1en3 _Loss_Dice_squared _Loss_DicewithBG
  _Loss_DicewithBG_LR1en3 _Loss_MCC _Loss_MCCnoBG _Loss_TopK10 _Ranger_lr1en2 _Ranger_lr3en3 _Ranger_lr3en4
  _SGD_ReduceOnPlateau _SGD_fixedSchedule _SGD_fixedSchedule2 _SGD_lr1en1 _SGD_lr1en3 _SegLoss_Focal _allConv3x3 _cycleAtEnd
  _cycleAtEnd2 _fp16 _fp32 _fullEvals _graduallyTransitionFromCEToDice _independentScalePerAxis _insaneDA _momentum09
  _momentum095 _momentum098 _momentum09in2D _noDataAugmentation _noDeepSupervision _noMirroring
  _reduceMomentumDuringTraining _resample33 _softDeepSupervision _warmup`.split(/\s+/),
);

/** By its name, as checkpoints of nnU-Net v2 hold it. */
export function v2TrainedNetwork(trainer: string): TrainedNetwork {
  if (trainer === "nnUNetTrainerBN") return "batch norm";
  if (/primus/i.test(trainer)) return "other";
  if (trainer === "nnUNet_Trainer_BS8") return "plan";
  const [, variant] = /^nnUNetTrainer(.*)$/.exec(trainer) ?? [];
  if (variant === undefined) return "unknown";
  return /^(_\d+epochs?(_NoMirroring)?)?$/.test(variant) || asPlannedV2.has(variant) ? "plan" : "unknown";
}

/** Of v1: what the name of a trainer says of another network, whose weights may have the same names and shapes. */
const otherNetworksOfV1 =
  /Cascade|Resenc|_BN\b|_BN_|_GN\b|_GN_|FRN|NoNormalization|ReLU|Mish|GeLU|3ConvPerStage|Regions|MMS/i;

/** By its name in the `.model.pkl` of nnU-Net v1; a number of epochs, and copies for repeated trainings, change nothing. */
export function v1TrainedNetwork(trainer: string): TrainedNetwork {
  if (otherNetworksOfV1.test(trainer)) return "other";
  const [, variant] = /^nnUNetTrainerV2(.*?)(?:_copy\d)?$/.exec(trainer) ?? [];
  if (variant === undefined) return "unknown";
  return /^(_\d+epochs|_ep\d+)?(_nomirror)?$/.test(variant) || asPlannedV1.has(variant) ? "plan" : "unknown";
}

/** Whether a trainer of v1 shows its network mirrored images; no checkpoint of v1 tells. */
export function isMirroredByV1(trainer: string): boolean {
  return !/no_?mirror|no_?DA|noDataAugmentation/i.test(trainer);
}

/**
 * A trainer whose network is not known to be that of its plans.
 *
 * @param field - where its name stands
 * @param asPlanned - whether its user says that it changes the training alone
 * @returns what must be said of it where it is taken at its user's word
 * @throws {InvalidArtifactError} naming the trainer
 */
export function checkTrainer(
  network: TrainedNetwork,
  trainer: string,
  { path, field, asPlanned }: { readonly path: string; readonly field: string; readonly asPlanned: boolean },
): string | undefined {
  const name = printableName(trainer, 80);
  if (network === "other") {
    throw new InvalidArtifactError(path, field, `the trainer ${name} builds another network, which is not read`);
  }
  if (network !== "unknown") return undefined;
  const unknown = `is none of nnU-Net's own, and whether its network has the activations and norms of its plans, no weight tells`;
  if (asPlanned) {
    return `the trainer ${name} ${unknown}: it is taken to; compare a segmentation with one of nnU-Net`;
  }
  throw new InvalidArtifactError(
    path,
    field,
    `the trainer ${name} ${unknown}; if it changes the training alone, import it with \`asPlanned\``,
  );
}
