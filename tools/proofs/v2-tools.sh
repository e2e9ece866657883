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
    nnunet train 4 $configuration $fold --probabilities --base-features 8 --batch-size 4 --optimiser adam --initial-learning-rate 0.003 --epochs 2 --iterations-per-epoch 25
  done
  nnunet export 4 $configuration -f 0 1 2 3 4 --format nnunet-v2 --validation -o "$work/v2/Dataset004_Hippocampus/nnUNetTrainer__nnUNetPlans__$configuration"
done
# where nnUNetv2_preprocess copies them
cp -r "$nnUNet_raw/Dataset004_Hippocampus/labelsTr" "$nnUNet_preprocessed/Dataset004_Hippocampus/gt_segmentations"
best="$nnUNet_results/Dataset004_Hippocampus/nnUNetPredictor__nnUNetPlans"
nnunet find-best 4 -c 2d 3d_fullres -f 0 1 2 3 4
v2 nnunetv2.evaluation.find_best_configuration:find_best_configuration_entry_point 4 -c 2d 3d_fullres -np 1
v2s="$work/v2/Dataset004_Hippocampus/inference_information.json"
echo "the selection:"
node "$here/compare-selections.mjs" "$best/inference_information.json" "$v2s"

v2 nnunetv2.evaluation.find_best_configuration:accumulate_crossval_results_entry_point 4 -c 2d -o "$work/accumulated"
labels="$nnUNet_raw/Dataset004_Hippocampus/labelsTr" predictions="$work/accumulated"
v2 nnunetv2.evaluation.evaluate_predictions:evaluate_folder_entry_point "$labels" "$predictions" -djfile "$predictions/dataset.json" -pfile "$predictions/plans.json" -o "$work/v2-summary.json" -np 1
nnunet evaluate "$labels" "$predictions" -o "$work/our-summary.json"
echo "the evaluation of a folder:"
node -e '
  const [a, b] = process.argv.slice(1).map((path) => JSON.parse(fs.readFileSync(path, "utf8").replace(/\bNaN\b/g, "null")));
  const worst = Math.max(...Object.keys(b.mean).flatMap((label) => Object.keys(b.mean[label]).map((key) => Math.abs(a.mean[label][key] - b.mean[label][key]))));
  console.log(`means of all metrics differ by ${worst} at most`);
  process.exit(worst < 1e-9 ? 0 : 1);' "$work/our-summary.json" "$work/v2-summary.json"

mkdir "$work/images"
for image in "$nnUNet_raw"/Dataset004_Hippocampus/imagesTr/*_00[1-4]_0000.nii.gz; do ln "$image" "$work/images/"; done
for configuration in 2d 3d_fullres; do
  nnunet predict -d 4 -c $configuration -f 0 1 2 3 4 -i "$work/images" -o "$work/$configuration" --save-probabilities npz
done
v2 nnunetv2.ensembling.ensemble:entry_point_ensemble_folders -i "$work/2d" "$work/3d_fullres" -o "$work/v2-mean" -np 1
nnunet ensemble "$work/2d" "$work/3d_fullres" -o "$work/our-mean"
echo "the mean of two configurations:"
node "$here/compare.mjs" "$work/our-mean" "$work/v2-mean"

nnunet predict -m "$best" -i "$work/images" -o "$work/our-final"
chosen=$(node -p 'const c = JSON.parse(fs.readFileSync(process.argv[1])).best_model_or_ensemble.selected_model_or_models; c.length > 1 ? "v2-mean" : c[0].configuration' "$v2s")
info() { node -p 'JSON.parse(fs.readFileSync(process.argv[1])).best_model_or_ensemble[process.argv[2]]' "$v2s" "$1"; }
v2 nnunetv2.postprocessing.remove_connected_components:entry_point_apply_postprocessing -i "$work/$chosen" -o "$work/v2-final" -pp_pkl_file "$(info postprocessing_file)" -plans_json "$(info some_plans_file)" -np 1
echo "the chosen predictor ($chosen), postprocessed:"
node "$here/compare.mjs" "$work/our-final" "$work/v2-final"
