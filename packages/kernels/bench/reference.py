"""The Python side of kernels.bench.mjs: scikit-image and SciPy on the same arrays, called as nnU-Net calls them.

Reads a job as JSON on standard input and prints seconds of CPU time as JSON; results go to files for comparison.
"""
import json
import sys
import time

import numpy as np
from scipy import ndimage
from skimage.transform import resize

job = json.load(sys.stdin)
seconds = {}


def timed(name, function):
    """Best of as many runs as the job asks for."""
    for _ in range(job.get("repeats", 1)):
        start = time.process_time()
        result = function()
        seconds[name] = min(seconds.get(name, float("inf")), time.process_time() - start)
    return result


if "image" in job:
    image = np.fromfile(job["image"], np.float32).reshape(job["shape"])

    def resample():
        options = {"mode": "edge", "anti_aliasing": False, "preserve_range": True}
        return resize(image.astype(float), job["target"], job["order"], **options).astype(np.float32)

    timed("resample", resample).tofile(job["out"])
if "labels" in job:
    labels = np.fromfile(job["labels"], np.int16).reshape(job["shape"])

    def resample_labels():
        out = np.zeros(job["target"], np.int16)
        for label in np.unique(labels):
            mask = (labels == label).astype(float)
            out[resize(mask, job["target"], 1, mode="edge", clip=True, anti_aliasing=False) >= 0.5] = label
        return out

    timed("labels", resample_labels).tofile(job["out"])
if "mask" in job:
    mask = np.fromfile(job["mask"], np.uint8).reshape(job["shape"])
    face = timed("face", lambda: ndimage.label(mask))
    full = timed("full", lambda: ndimage.label(mask, np.ones((3, 3, 3))))
    filled = timed("fill", lambda: ndimage.binary_fill_holes(mask))
    seconds["counts"] = {"face": int(face[1]), "full": int(full[1]), "fill": int(filled.sum())}
print(json.dumps(seconds))
