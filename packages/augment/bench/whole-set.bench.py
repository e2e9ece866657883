"""The reference of whole-set.bench.mjs: batchgenerators with the paper's parameters, or nnU-Net v2's own transforms.

Reads job.json, image and labels from a folder; prints {cpu, wall} in milliseconds a sample as JSON.
"""
import json
import random
import sys
import time
from os.path import join

import numpy as np

folder = sys.argv[1]
job = json.load(open(join(folder, "job.json")))
patch, loader = job["patch"], job["loader"]
image = np.fromfile(join(folder, "image"), np.float32).reshape(1, *loader)
labels = np.fromfile(join(folder, "labels"), np.int16).reshape(1, *loader)
np.random.seed(1)
random.seed(1)


def with_batchgenerators(p):
    """Supplement D in the order of nnU-Net v1, by the classes that it used."""
    from batchgenerators.transforms import color_transforms as color
    from batchgenerators.transforms import noise_transforms as noise
    from batchgenerators.transforms.abstract_transforms import Compose
    from batchgenerators.transforms.resample_transforms import SimulateLowResolutionTransform
    from batchgenerators.transforms.spatial_transforms import MirrorTransform, SpatialTransform

    angle = (-job["rotation"], job["rotation"])
    spatial, factor = p["spatial"], lambda step: (step["low"], step["high"])
    low = p["lowResolution"]
    gamma = dict(gamma_range=factor(p["gamma"]["gamma"]), per_channel=True, retain_stats=p["gamma"]["keepStatistics"])
    run = Compose(
        [
            SpatialTransform(
                patch, patch_center_dist_from_border=None, do_elastic_deform=False, random_crop=False,
                do_rotation=True, angle_x=angle, angle_y=angle, angle_z=angle, p_rot_per_sample=spatial["rotationProbability"],
                do_scale=True, scale=factor(spatial["scale"]), p_scale_per_sample=spatial["scalingProbability"], p_el_per_sample=0,
                border_mode_data="constant", border_cval_data=0, order_data=job["order"],
                border_mode_seg="constant", border_cval_seg=-1, order_seg=1,
            ),
            noise.GaussianNoiseTransform(factor(p["noise"]), p_per_sample=p["noise"]["probability"]),
            noise.GaussianBlurTransform(
                factor(p["blur"]), different_sigma_per_channel=True, p_per_sample=p["blur"]["probability"],
                p_per_channel=p["blur"]["channelProbability"],
            ),
            color.BrightnessMultiplicativeTransform(factor(p["brightness"]["factor"]), p_per_sample=p["brightness"]["probability"]),
            color.ContrastAugmentationTransform(factor(p["contrast"]["factor"]), p_per_sample=p["contrast"]["probability"]),
            SimulateLowResolutionTransform(
                (1 / low["high"], 1 / low["low"]), per_channel=True, p_per_channel=low["channelProbability"],
                order_downsample=0, order_upsample=3, p_per_sample=low["probability"],
            ),
            color.GammaTransform(invert_image=False, p_per_sample=p["gamma"]["probability"], **gamma),
            color.GammaTransform(invert_image=True, p_per_sample=p["gamma"]["invertedProbability"], **gamma),
            MirrorTransform(tuple(range(len(patch)))),
        ]
    )
    batch = {"data": np.stack([image] * 2), "seg": np.stack([labels] * 2)}
    return lambda: run(**batch), 2


def with_batchgenerators_v2():
    import torch
    from batchgeneratorsv2.helpers.scalar_type import RandomScalar  # noqa: F401, says early what is missing
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    torch.set_num_threads(1)
    torch.manual_seed(1)
    angle = (-job["rotation"], job["rotation"])
    run = nnUNetTrainer.get_training_transforms(patch, angle, None, tuple(range(len(patch))), False, [False])
    x, y = torch.from_numpy(image), torch.from_numpy(labels)
    return lambda: run(image=x.clone(), segmentation=y.clone()), 1


run, each = with_batchgenerators(job["parameters"]) if job["theirs"] == "batchgenerators" else with_batchgenerators_v2()
for _ in range(3):
    run()
wall, cpu = time.perf_counter(), time.process_time()
for _ in range(job["samples"] // each):
    run()
print(json.dumps({"cpu": (time.process_time() - cpu) * 1000 / job["samples"], "wall": (time.perf_counter() - wall) * 1000 / job["samples"]}))
