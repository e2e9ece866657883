#!/usr/bin/env bash
# The real nnU-Net v2's prediction, on the CPU, with its probabilities.
#
#   PYTHON=python tools/proofs/v2_predict.sh [--float32] -i IMAGES -o OUT -m MODEL -f FOLDS…
#
# With --float32 its two float16 sums (weighted logits, and the Gaussian) are float32 ones; nothing else is changed.
set -euo pipefail
sums=""
if [ "${1-}" = --float32 ]; then shift; sums="torch.half = torch.float16 = torch.float32;"; fi
export OMP_NUM_THREADS="${OMP_NUM_THREADS-1}" nnUNet_raw=/tmp nnUNet_preprocessed=/tmp nnUNet_results=/tmp
"${PYTHON-python}" -c "
import torch; $sums
from nnunetv2.inference.predict_from_raw_data import predict_entry_point_modelfolder
predict_entry_point_modelfolder()" "$@" --save_probabilities --disable_progress_bar -device cpu -npp 1 -nps 1 >/dev/null
