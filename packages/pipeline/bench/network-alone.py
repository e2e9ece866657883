"""Seconds that PyTorch takes for one patch of a model folder of nnU-Net v2, eight times: [model folder]."""

import json
import multiprocessing
import sys
import time

import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

torch.set_num_threads(multiprocessing.cpu_count())
predictor = nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
predictor.initialize_from_trained_model_folder(sys.argv[1], use_folds=(0,))
predictor.network.load_state_dict(predictor.list_of_parameters[0])
network = predictor.network.eval()
patch = torch.randn(1, 1, *predictor.configuration_manager.patch_size)
times = []
with torch.inference_mode():
    for _ in range(8):
        began = time.time()
        network(patch)
        times.append(time.time() - began)
print(json.dumps(times))
