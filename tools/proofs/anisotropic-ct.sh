#!/usr/bin/env bash
# A network that nnU-Net v2 trains on an anisotropic CT (resampling with z apart, CT normalisation), by v2 and by us: every voxel.
# Without mirroring, which the other proofs have: it takes an eighth of the time.
#
#   PYTHON=python tools/proofs/anisotropic-ct.sh DICOM_FOLDER LABEL.nii.gz WORK
set -euo pipefail
here=$(dirname "$0"); root="$here/../.."; work=$3
OMP_NUM_THREADS=1 "${PYTHON-python}" "$here/anisotropic_ct.py" "$1" "$2" "$work"
model="$work/nnUNet_results/Dataset910_CT/nnUNetTrainer__nnUNetPlans__3d_fullres"
images="$work/nnUNet_raw/Dataset910_CT/imagesTs"
node "$root/packages/cli/bin/nnunet.mjs" predict -m "$model" -i "$images" -o "$work/ours" --no-mirroring
bash "$here/v2_predict.sh" -i "$images" -o "$work/theirs" -m "$model" -f all --disable_tta
bash "$here/v2_predict.sh" --float32 -i "$images" -o "$work/theirs-float32" -m "$model" -f all --disable_tta
echo "nnU-Net v2 as it is:"
node "$here/compare.mjs" "$work/ours" "$work/theirs" || true
echo "with its sums in float32:"
node "$here/compare.mjs" "$work/ours" "$work/theirs-float32"
