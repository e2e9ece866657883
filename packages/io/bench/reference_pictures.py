"""tifffile's and Pillow's side of read-pictures.bench.mjs: `make FOLDER` writes the files, `read FILE` reads one."""
import json
import os
import resource
import sys
import time

import numpy as np


def make(folder):
    import tifffile
    from PIL import Image

    z, y, x = np.ogrid[:200, :512, :512]
    rng = np.random.RandomState(1)
    stack = (20000 + 8000 * np.sin(x / 30) * np.sin(y / 25 + z / 40) + rng.randint(0, 40, (200, 512, 512))).astype("u2")
    for name, options in [("raw", {}), ("deflate", {"compression": "zlib", "predictor": True}), ("lzw", {"compression": "lzw"})]:
        tifffile.imwrite(os.path.join(folder, f"{name}.tif"), stack, photometric="minisblack", **options)
    y, x = np.mgrid[:3000, :4000]
    photo = np.stack([128 + 90 * np.sin(x / (40 + c)) * np.cos(y / 50) + rng.randint(-12, 12, (3000, 4000)) for c in range(3)], -1)
    Image.fromarray(np.clip(photo, 0, 255).astype("u1")).save(os.path.join(folder, "photo.jpg"), quality=90)


def read(path):
    if path.endswith("jpg"):
        from PIL import Image
        work = lambda: np.asarray(Image.open(path))
    else:
        import tifffile
        work = lambda: tifffile.imread(path)
    start = time.perf_counter()
    values = work()
    seconds = time.perf_counter() - start
    cpu = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, "sum": int(values.sum(dtype=np.int64))}))


{"make": make, "read": read}[sys.argv[1]](sys.argv[2])
