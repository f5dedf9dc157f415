#!/usr/bin/env python3
"""timing.py RUNS[/PAUSE] NAME COMMAND… [+ NAME COMMAND…]…: durations of whole processes, in ms.

The commands take turns, so that all of them meet the same machine. PAUSE seconds pass before each. With several, each
line ends with its median divided by the median of the last command.
"""
import statistics
import subprocess
import sys
import time

rounds, _, pause = sys.argv[1].partition("/")
commands = [[]]
for word in sys.argv[2:]:
    if word == "+":
        commands.append([])
    else:
        commands[-1].append(word)
times, codes = [[] for _ in commands], [None for _ in commands]
for _ in range(int(rounds)):
    for number, (_name, *command) in enumerate(commands):
        time.sleep(float(pause or 0))
        start = time.perf_counter()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        times[number].append((time.perf_counter() - start) * 1000)
        codes[number] = done.returncode
last = statistics.median(times[-1])
for (name, *_command), taken, code in zip(commands, times, codes):
    middle = statistics.median(taken)
    ratio = f"  ratio {middle / last:5.2f}" if len(commands) > 1 else ""
    print(f"{name:44} median {middle:7.1f}  min {min(taken):7.1f}  max {max(taken):7.1f}  exit {code}{ratio}")
