"""SimpleITK's and pydicom's side of read-dicom.bench.mjs: reads a folder into memory, prints seconds as JSON."""
import json
import os
import resource
import sys
import time

import numpy as np

which, folder = sys.argv[1:]
if which == "sitk":
    import SimpleITK
else:
    import pydicom
start = time.perf_counter()
if which == "sitk":
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    image = reader.Execute()
    array = SimpleITK.GetArrayViewFromImage(image)
else:
    slices = [pydicom.dcmread(os.path.join(folder, name)) for name in os.listdir(folder)]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    array = np.stack([s.pixel_array.astype(np.int16) * int(s.RescaleSlope) + int(s.RescaleIntercept) for s in slices])
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak": peak, "sum": int(array.sum(dtype=np.int64))}))
