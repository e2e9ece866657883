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


def kilobytes(path, *names):
    """The sums behind the names in such a file of the operating system; nothing where the process has ended."""
    try:
        with open(path) as f:
            rows = [line.split() for line in f]
    except OSError:
        return [0 for _ in names]
    return [sum(int(row[1]) for row in rows if row[:1] == [name + ":"]) for name in names]


def roughly(pids):
    """Costs nothing to read: what each has alone, and the largest of what they may share."""
    rows = [kilobytes(f"/proc/{pid}/status", "RssAnon", "RssFile", "RssShmem") for pid in pids]
    alone, *shared = zip(*rows)
    return sum(alone) + sum(max(each) for each in shared)


def exactly(pids):
    """Shared pages divided among those who share them. Walks all pages: at every sample it would slow the command down."""
    return sum(kilobytes(f"/proc/{pid}/smaps_rollup", "Pss")[0] for pid in pids)


began = time.time()
said = tempfile.TemporaryFile("w+")
process = subprocess.Popen(sys.argv[1:], stdout=said, stderr=subprocess.STDOUT)
peak = last = 0
while process.poll() is None:
    pids = children(process.pid)
    rough = roughly(pids) if pids else 0
    # A process that has just been forked counts all of its parent's: the rough sum alone may be far too large.
    if rough > 1.02 * peak and abs(rough - last) > 0.01 * last:
        last = rough
        peak = max(peak, exactly(pids))
    time.sleep(0.05)
wall = time.time() - began
if process.returncode != 0:
    said.seek(0)
    print(said.read(), file=sys.stderr)
    sys.exit(process.returncode)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"wall": wall, "cpu": used.ru_utime + used.ru_stime, "memory": peak * 1024 / 1e9}))
