"""The steps of augment.bench.mjs with NumPy, SciPy and scikit-image: prints {step: {ms, file}} as JSON.

A public formula each, written for this comparison; called by augment.bench.mjs with its folder of inputs.
"""
import json
import sys
import time
from os.path import join

import numpy as np
from scipy import ndimage
from skimage.morphology import ball
from skimage.transform import resize

folder = sys.argv[1]
case = json.load(open(join(folder, "case.json")))
patch, loader = case["patch"], case["loader"]
image = np.fromfile(join(folder, "image"), np.float32).reshape(patch)
large = np.fromfile(join(folder, "large"), np.float32).reshape(loader)
labels = np.fromfile(join(folder, "labels"), np.int16).reshape(loader)
mask = np.fromfile(join(folder, "mask"), np.uint8).reshape(patch)
matrix = np.array(case["matrix"]).reshape(3, 3)
random = np.random.default_rng(1)


def contrast(x, factor):
    mean = x.mean()
    return np.clip((x - mean) * factor + mean, x.min(), x.max())


def gamma(x, power):
    low, extent = x.min(), np.ptp(x) + 1e-7
    y = ((x - low) / extent) ** power * extent + low
    return (y - y.mean()) / (y.std() + 1e-8) * x.std() + x.mean()


def low_resolution(x, zoom):
    small = resize(x, np.round(np.array(x.shape) * zoom).astype(int), 0, mode="edge", anti_aliasing=False)
    return resize(small, x.shape, 3, mode="edge", anti_aliasing=False)


def coordinates():
    grid = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in patch], indexing="ij")).reshape(3, -1)
    return matrix @ grid + (np.array(loader)[:, None] - 1) / 2


def rotate(x, order, mode):
    return ndimage.map_coordinates(x, coordinates(), order=order, mode=mode, cval=0).reshape(patch)


def rotate_labels(x):
    where = coordinates()
    out = np.zeros(where.shape[1], np.int16)
    for label in np.unique(x):
        out[ndimage.map_coordinates((x == label).astype(float), where, order=1, mode="constant", cval=-1) >= 0.5] = label
    return out.reshape(patch)


sphere = ball(5)
steps = {
    "noise": (lambda: image + random.normal(0, 0.3, image.shape).astype(np.float32), False),
    "blur 1.0": (lambda: ndimage.gaussian_filter(image, 1.0), True),
    "blur 1.5": (lambda: ndimage.gaussian_filter(image, 1.5), True),
    "brightness": (lambda: image * np.float32(1.2), True),
    "contrast": (lambda: contrast(image, 1.2), True),
    "low resolution cubic": (lambda: low_resolution(image, 0.6), True),
    "gamma": (lambda: gamma(image, 1.3), True),
    "mirror": (lambda: np.ascontiguousarray(image[::-1, ::-1, ::-1]), True),
    "mirror x": (lambda: np.ascontiguousarray(image[:, :, ::-1]), True),
    "rotation linear": (lambda: rotate(large, 1, "grid-constant"), True),
    "rotation cubic": (lambda: rotate(large, 3, "constant"), True),
    "rotation labels": (lambda: rotate_labels(labels), True),
    "dilation ball 5": (lambda: ndimage.binary_dilation(mask, sphere), True),
    "erosion ball 5": (lambda: ndimage.binary_erosion(mask, sphere, border_value=1), True),
}
result = {}
for number, (name, (run, keep)) in enumerate(steps.items()):
    best = float("inf")
    # slow steps once: the whole bench stays below a minute
    for _ in range(case["repeats"]):
        start = time.process_time()
        calls = 0
        while calls == 0 or time.process_time() - start < 0.02:
            out = run()
            calls += 1
        seconds = (time.process_time() - start) / calls
        best = min(best, seconds)
        if seconds > 1:
            break
    result[name] = {"ms": best * 1000}
    if keep:
        result[name]["file"] = f"out{number}"
        out.astype(np.float32).tofile(join(folder, f"out{number}"))
print(json.dumps(result))
