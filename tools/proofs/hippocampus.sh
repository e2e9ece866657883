#!/usr/bin/env bash
# A model of nnU-Net v2 (the tests' one of two folds) on 20 hippocampi, by v2 and by us: every voxel.
#
#   PYTHON=python tools/proofs/hippocampus.sh Task04_Hippocampus WORK
set -euo pipefail
here=$(dirname "$0"); root="$here/../.."; task=$1; work=$2
mkdir -p "$work"
node "$root/tools/results/take-cases.mjs" "$task" 20 "$work/Task04_Hippocampus"
mkdir "$work/images"
for image in "$work"/Task04_Hippocampus/imagesTr/*.nii.gz; do ln "$image" "$work/images/$(basename "$image" .nii.gz)_0000.nii.gz"; done
model="$root/packages/interop/tests/fixtures/models/plain-3d-two-folds/model"
node "$root/packages/cli/bin/nnunet.mjs" predict -m "$model" -i "$work/images" -o "$work/ours"
bash "$here/v2_predict.sh" -i "$work/images" -o "$work/theirs" -m "$model" -f 0 1
bash "$here/v2_predict.sh" --float32 -i "$work/images" -o "$work/theirs-float32" -m "$model" -f 0 1
echo "nnU-Net v2 as it is:"
node "$here/compare.mjs" "$work/ours" "$work/theirs" || true
echo "with its sums in float32:"
node "$here/compare.mjs" "$work/ours" "$work/theirs-float32"
