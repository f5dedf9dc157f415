#!/usr/bin/env python3
"""strace.py FILE: prints when a probe reached each event. FILE is from `strace -f -ttt -T`, which slows the probe down."""
import re
import sys

EVENTS = {
    "NVML is opened": re.compile(r"open(at)?\(.*libnvidia-ml\.so.*\) = \d"),
    "the driver is opened": re.compile(r"open(at)?\(.*/dev/nvidiactl.*\) = \d"),
    "the answer is written": re.compile(r'write\(1, "\\n\{'),
    "the process ends": re.compile(r"exit_group"),
}
first, ioctls, inside = None, 0, 0.0
for line in open(sys.argv[1], errors="replace"):
    when = re.match(r"\d+ +(\d+\.\d+) ", line)
    if when is None:
        continue
    first = float(when[1]) if first is None else first
    for event, pattern in list(EVENTS.items()):
        if pattern.search(line):
            print(f"{(float(when[1]) - first) * 1000:8.1f} ms  {event}")
            del EVENTS[event]
    if "ioctl(" in line and "<" in line:
        ioctls, inside = ioctls + 1, inside + float(line.rsplit("<", 1)[1].rstrip(">\n"))
print(f"{ioctls} ioctl calls, {inside * 1000:.1f} ms inside them")
