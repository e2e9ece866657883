#!/usr/bin/env bash
# A network trained here by nnU-Net v2's rules, exported, and run by v2 on images that it has not seen: every voxel.
#
#   PYTHON=python tools/proofs/trained-here.sh Task04_Hippocampus WORK
set -euo pipefail
here=$(dirname "$0"); root="$here/../.."; task=$1; work=$2
nnunet() { node "$root/packages/cli/bin/nnunet.mjs" "$@"; }
mkdir -p "$work"
node "$root/tools/results/take-cases.mjs" "$task" 30 "$work/Task04_Hippocampus"
export nnUNet_raw="$work/raw" nnUNet_preprocessed="$work/preprocessed" nnUNet_results="$work/results"
nnunet convert "$work/Task04_Hippocampus"
nnunet fingerprint 4
nnunet plan 4 --planner v2
nnunet preprocess 4 -c 3d_fullres
nnunet train 4 3d_fullres 0 --base-features 8 --optimiser adam --initial-learning-rate 0.003 --epochs 4 --iterations-per-epoch 15
nnunet export 4 3d_fullres -f 0 --format nnunet-v2 -o "$work/exported"
mkdir "$work/images"
for id in $(node -p 'JSON.parse(fs.readFileSync(process.argv[1]))[0].val.join(" ")' "$nnUNet_preprocessed/Dataset004_Hippocampus/splits_final.json"); do
  ln "$nnUNet_raw/Dataset004_Hippocampus/imagesTr/${id}_0000.nii.gz" "$work/images/"
done
nnunet predict -d 4 -c 3d_fullres -f 0 -i "$work/images" -o "$work/ours"
bash "$here/v2_predict.sh" -i "$work/images" -o "$work/theirs" -m "$work/exported" -f 0
node "$here/compare.mjs" "$work/ours" "$work/theirs"
