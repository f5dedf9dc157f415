#!/usr/bin/env python3
"""timing.py RUNS NAME COMMAND…: prints the median, least and greatest duration of RUNS runs of the whole process, in ms."""
import statistics
import subprocess
import sys
import time

times = []
for _ in range(int(sys.argv[1])):
    start = time.perf_counter()
    code = subprocess.run(sys.argv[3:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    times.append((time.perf_counter() - start) * 1000)
ordered = sorted(times)
print(f"{sys.argv[2]:44} median {statistics.median(times):7.1f}  min {ordered[0]:7.1f}  max {ordered[-1]:7.1f}  exit {code}")
