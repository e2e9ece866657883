#!/usr/bin/env bash
# nnU-Net v2's own tools on trainings made here: a cross-validation of two configurations, exported with its validation cases;
# v2 accumulates, averages, chooses, postprocesses and evaluates it, and comes to the same as we do.
#
#   PYTHON=python tools/proofs/v2-tools.sh Task04_Hippocampus WORK
set -euo pipefail
here=$(dirname "$0"); root="$here/../.."; task=$1; work=$2
nnunet() { node "$root/packages/cli/bin/nnunet.mjs" "$@"; }
v2() { # a function of nnunetv2, its arguments
  local name=$1; shift
  OMP_NUM_THREADS=1 nnUNet_def_n_proc=1 nnUNet_results="$work/v2" "${PYTHON-python}" -c "
from $(echo "$name" | sed 's/:.*//') import $(echo "$name" | sed 's/.*://') as run
if __name__ == '__main__': run()" "$@"
}
mkdir -p "$work"
node "$root/tools/results/take-cases.mjs" "$task" 10 "$work/Task04_Hippocampus"
export nnUNet_raw="$work/raw" nnUNet_preprocessed="$work/preprocessed" nnUNet_results="$work/results"
nnunet convert "$work/Task04_Hippocampus"
nnunet fingerprint 4
nnunet plan 4 --planner v2
for configuration in 2d 3d_fullres; do
  nnunet preprocess 4 -c $configuration
  for fold in 0 1 2 3 4; do
    nnunet train 4 $configuration $fold --probabilities --base-features 4 --batch-size 2 --optimiser adam --initial-learning-rate 0.01 --epochs 1 --iterations-per-epoch 25
  done
  nnunet export 4 $configuration -f 0 1 2 3 4 --format nnunet-v2 --validation -o "$work/v2/Dataset004_Hippocampus/nnUNetTrainer__nnUNetPlans__$configuration"
done
# where nnUNetv2_preprocess copies them
cp -r "$nnUNet_raw/Dataset004_Hippocampus/labelsTr" "$nnUNet_preprocessed/Dataset004_Hippocampus/gt_segmentations"
nnunet find-best 4 -c 2d 3d_fullres -f 0 1 2 3 4
v2 nnunetv2.evaluation.find_best_configuration:find_best_configuration_entry_point 4 -c 2d 3d_fullres -np 1
v2 nnunetv2.evaluation.find_best_configuration:accumulate_crossval_results_entry_point 4 -c 2d -o "$work/accumulated"
labels="$nnUNet_raw/Dataset004_Hippocampus/labelsTr"
predictions="$work/accumulated"
v2 nnunetv2.evaluation.evaluate_predictions:evaluate_folder_entry_point "$labels" "$predictions" -djfile "$predictions/dataset.json" -pfile "$predictions/plans.json" -o "$work/v2-summary.json" -np 1
nnunet evaluate "$labels" "$predictions" -o "$work/our-summary.json"
node "$here/compare-selections.mjs" "$work"
