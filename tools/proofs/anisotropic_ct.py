"""A small network that the real nnU-Net v2 trains on an anisotropic CT, for tools/proofs/anisotropic-ct.sh.

    python tools/proofs/anisotropic_ct.py DICOM_FOLDER LABEL.nii.gz WORK

The CT is one series of 20 slices, 2 mm apart, of 0.98 mm pixels. Of it two images are made: all slices, and every third one
(6 mm), which is resampled in plane and along z separately, as is the way to the plan's spacing and back. Four labels of the
many are trained. v2 plans, preprocesses and trains; only sizes, spacing and the number of steps are changed.
"""

import json
import os
import pathlib
import sys

series, label_file, work = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
for name in ("raw", "preprocessed", "results"):
    os.environ[f"nnUNet_{name}"] = str(work / f"nnUNet_{name}")
os.environ.update(nnUNet_n_proc_DA="1", nnUNet_compile="f", nnUNet_def_n_proc="1")

import numpy as np
import SimpleITK as sitk
import torch
from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

labels = {"background": 0, "liver": 1, "stomach": 2, "aorta": 3, "muscle": 4}
trained = {5: 1, 6: 2, 52: 3, 86: 4, 87: 4}


def main():
    raw = work / "nnUNet_raw" / "Dataset910_CT"
    for part in ("imagesTr", "labelsTr", "imagesTs"):
        (raw / part).mkdir(parents=True)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(series))
    image = sitk.Cast(reader.Execute(), sitk.sitkInt16)
    label = sitk.DICOMOrient(sitk.ReadImage(label_file), "LPS")
    values = sitk.GetArrayFromImage(label)
    mapped = np.zeros_like(values)
    for there, here in trained.items():
        mapped[values == there] = here
    label = sitk.GetImageFromArray(mapped)
    label.CopyInformation(image)
    for case, step in (("all", 1), ("third", 3)):
        sitk.WriteImage(image[:, :, ::step], raw / "imagesTr" / f"{case}_0000.nii.gz")
        sitk.WriteImage(label[:, :, ::step], raw / "labelsTr" / f"{case}.nii.gz")
        sitk.WriteImage(image[:, :, ::step], raw / "imagesTs" / f"{case}_0000.nii.gz")
    dataset = {"channel_names": {"0": "CT"}, "labels": labels, "numTraining": 2, "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(dataset))
    extract_fingerprints([910], num_processes=1, check_dataset_integrity=True, clean=True)
    plan_experiments([910], "ExperimentPlanner")
    plans_file = work / "nnUNet_preprocessed" / raw.name / "nnUNetPlans.json"
    plans = json.loads(plans_file.read_text())
    c = plans["configurations"]["3d_fullres"]
    plans["configurations"] = {"3d_fullres": c}
    c["patch_size"], c["batch_size"], c["spacing"] = [4, 128, 128], 2, [6.0, 1.3, 1.3]
    c["architecture"]["arch_kwargs"].update(
        n_stages=4, features_per_stage=[8, 16, 24, 24], kernel_sizes=[[1, 3, 3], [1, 3, 3], [3, 3, 3], [3, 3, 3]],
        strides=[[1, 1, 1], [1, 2, 2], [1, 2, 2], [2, 2, 2]], n_conv_per_stage=[1, 1, 1, 1], n_conv_per_stage_decoder=[1, 1, 1],
    )
    plans_file.write_text(json.dumps(plans))
    preprocess([910], "nnUNetPlans", ("3d_fullres",), (1,))
    os.environ["nnUNet_n_proc_DA"] = "0"  # batches are made in this process
    torch.manual_seed(0)
    np.random.seed(0)
    trainer = nnUNetTrainer({**plans, "continue_training": False}, "3d_fullres", "all", dataset, device=torch.device("cpu"))
    trainer.num_epochs, trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = 2, 40, 1
    trainer.run_training()
    print(trainer.output_folder_base)


if __name__ == "__main__":
    main()
