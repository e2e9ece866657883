"""The SciPy side of surfaces.bench.mjs: reads a job as JSON on standard input, prints milliseconds of processor time.

Surface metrics as they are written with SciPy everywhere: the label cut out to the box around both, eroded by a cross,
the distance transform outside each surface.
"""
import json
import sys
import time

import numpy as np
from scipy import ndimage

job = json.load(sys.stdin)
shape, spacing = job["shape"], job["spacing"]


def timed(function):
    least = float("inf")
    for _ in range(job["repeats"]):
        start = time.process_time()
        result = function()
        least = min(least, time.process_time() - start)
    return least * 1000, result


def surface(mask):
    cross = ndimage.generate_binary_structure(3, 1)
    if shape[0] == 1:
        cross = cross[1:2]
    return mask & ~ndimage.binary_erosion(mask, cross)


def metrics(a, b):
    box = ndimage.find_objects((a | b).view(np.uint8))[0]
    a, b = surface(a[box]), surface(b[box])
    there = ndimage.distance_transform_edt(~b, spacing)[a]
    back = ndimage.distance_transform_edt(~a, spacing)[b]
    count = len(there) + len(back)
    return {
        "hd95": max(np.percentile(there, 95), np.percentile(back, 95)),
        "assd": (there.sum() + back.sum()) / count,
        "nsd": ((there <= 1 + 1e-6).sum() + (back <= 1 + 1e-6).sum()) / count,
    }


out = {}
if "marked" in job:
    marked = np.fromfile(job["marked"], np.uint8).reshape(shape)
    out["distances"], distances = timed(lambda: ndimage.distance_transform_edt(marked == 0, spacing))
    distances.tofile(job["out"])
else:
    reference = np.fromfile(job["reference"], np.uint8).reshape(shape)
    prediction = np.fromfile(job["prediction"], np.uint8).reshape(shape)
    out["metrics"], values = timed(lambda: {i: metrics(reference == i, prediction == i) for i in (1, 2, 3)})
    out["values"] = {str(i): {k: float(v) for k, v in m.items()} for i, m in values.items()}
print(json.dumps(out))
