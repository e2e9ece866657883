"""nibabel's side of read-nifti.bench.mjs: reads one file into memory and writes it again, prints seconds as JSON."""
import json
import resource
import sys
import time

import nibabel
import numpy as np


def measured(work):
    start, cpu = time.perf_counter(), time.process_time()
    value = work()
    return value, time.perf_counter() - start, time.process_time() - cpu


path, out = sys.argv[1:]
image, read, read_cpu = measured(lambda: (lambda i: nibabel.Nifti1Image(np.asarray(i.dataobj), i.affine, i.header))(nibabel.load(path)))
_, write, write_cpu = measured(lambda: nibabel.save(image, out))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
total = int(np.asarray(image.dataobj).sum(dtype=np.int64))
print(json.dumps({"read": read, "readCpu": read_cpu, "write": write, "writeCpu": write_cpu, "peak": peak, "sum": total}))
