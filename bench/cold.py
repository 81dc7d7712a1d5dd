#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cold.py NAME RUNS[+WARMUPS] -- COMMAND ...: starts COMMAND anew RUNS times (after WARMUPS, 2 unless
told, that do not count) and prints one JSON object: wall milliseconds and peak memory of the
process."""
import json
import os
import statistics
import subprocess
import sys
import time

name, command = sys.argv[1], sys.argv[4:]
runs, warmups = (int(n) for n in (sys.argv[2] + "+2").split("+")[:2])
wall, peak = [], []
for i in range(runs + warmups):
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    took = (time.perf_counter() - start) * 1e3
    if status != 0:
        sys.exit(f"cold.py: {' '.join(command)}: ended with {status}")
    if i >= warmups:
        wall.append(took)
        peak.append(usage.ru_maxrss / 1024)
print(json.dumps({
    "bench": name, "runs": runs,
    "wall_ms": {"min": round(min(wall), 1), "median": round(statistics.median(wall), 1),
                "max": round(max(wall), 1)},
    "peak_mb": round(max(peak)),
}))
