"""The Python side of preprocess.bench.mjs: nibabel, SciPy, scikit-image and NumPy, step by step as nnU-Net does it.

Reads jobs as JSON on standard input, prints CPU seconds per step as JSON. Where a job names an output file, the
preprocessed image and labels of its last case are written there for comparison.
"""
import json
import sys
import time

import nibabel
import numpy as np
from scipy import ndimage
from skimage.transform import resize

seconds = {}


def timed(name, function):
    start = time.process_time()
    result = function()
    seconds[name] = seconds.get(name, 0) + time.process_time() - start
    return result


def read(path):
    return np.asanyarray(nibabel.load(path).dataobj).transpose(2, 1, 0)


def crop(image, labels):
    mask = ndimage.binary_fill_holes(image != 0)
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    labels = labels[box].astype(np.int16)
    labels[(labels == 0) & (mask[box] == 0)] = -1
    return image[box], labels


def normalise(image, scheme, p):
    if scheme == "CT":
        return (np.clip(image, p["percentile005"], p["percentile995"]) - p["mean"]) / max(p["std"], 1e-8)
    return (image - image.mean()) / max(image.std(), 1e-8)


def resample(image, target):
    if list(image.shape) == target:
        return image
    return resize(image.astype(float), target, 3, mode="edge", anti_aliasing=False).astype(np.float32)


def resample_labels(labels, target):
    if list(labels.shape) == target:
        return labels
    out = np.zeros(target, np.int16)
    for label in np.unique(labels):
        mask = (labels == label).astype(float)
        out[resize(mask, target, 1, mode="edge", clip=True, anti_aliasing=False) >= 0.5] = label
    return out


def locations(labels, classes):
    random = np.random.RandomState(1234)
    for c in classes:
        where = np.argwhere(labels == c)
        if len(where):
            n = max(min(10000, len(where)), int(np.ceil(len(where) * 0.01)))
            where[random.choice(len(where), n, replace=False)]


jobs = json.load(sys.stdin)
result = {}
for name, job in jobs.items():
    seconds = {}
    for image_path, label_path in job["cases"]:
        image, labels = timed("read", lambda: (read(image_path).astype(np.float32), read(label_path)))
        spacing = nibabel.load(image_path).header.get_zooms()[2::-1]
        image, labels = timed("crop", lambda: crop(image, labels))
        target = [int(round(float(s) / t * n)) for s, t, n in zip(spacing, job["spacing"], image.shape)]
        image = timed("normalise", lambda: normalise(image, job["scheme"], job["properties"]))
        image = timed("resample image", lambda: resample(image, target))
        labels = timed("resample labels", lambda: resample_labels(labels, target))
        timed("class locations", lambda: locations(labels, job["classes"]))
    image.astype(np.float32).tofile(job["out"] + ".image")
    labels.astype(np.int16).tofile(job["out"] + ".labels")
    result[name] = seconds
print(json.dumps(result))
