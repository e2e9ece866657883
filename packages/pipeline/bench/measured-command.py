"""Runs a command; prints its wall time, CPU time (s) and the memory of all its processes together (GB)."""

import json
import resource
import subprocess
import sys
import tempfile
import time


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            direct = f.read().split()
    except OSError:
        return []
    return [pid] + [p for child in direct for p in children(int(child))]


def memory(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup") as f:
            return sum(int(line.split()[1]) for line in f if line.startswith("Pss:")) * 1024
    except OSError:
        return 0


began = time.time()
said = tempfile.TemporaryFile("w+")
process = subprocess.Popen(sys.argv[1:], stdout=said, stderr=subprocess.STDOUT)
peak = 0
while process.poll() is None:
    peak = max(peak, sum(memory(pid) for pid in children(process.pid)))
    time.sleep(0.05)
wall = time.time() - began
if process.returncode != 0:
    said.seek(0)
    print(said.read(), file=sys.stderr)
    sys.exit(process.returncode)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": peak / 1e9}))
