#!/usr/bin/env python3
"""Calls NVML without canhazgpu: nvml.py steps [FLAGS] | lists | watch FILE

steps: prints the duration of each call in a new process, as JSON. lists: prints the result of each call, as JSON.
watch: keeps NVML open, reads every 20 ms, and writes a line whenever memory, processes or load change.
"""
import ctypes
import json
import struct
import sys
import time

began = time.perf_counter()
nvml = ctypes.CDLL("libnvidia-ml.so.1")
loaded = time.perf_counter()
u32 = ctypes.c_uint


def error(code):
    nvml.nvmlErrorString.restype = ctypes.c_char_p
    return {"error": code, "text": nvml.nvmlErrorString(code).decode()}


def text(name, device):
    out = ctypes.create_string_buffer(96)
    code = getattr(nvml, name)(device, out, 96)
    return out.value.decode() if code == 0 else error(code)


def numbers(name, device, count=1, *before):
    out = (u32 * count)()
    code = getattr(nvml, name)(device, *before, out)
    return list(out) if code == 0 else error(code)


def memory(device):
    out = ctypes.create_string_buffer(40)
    struct.pack_into("<I", out, 0, 40 | (2 << 24))
    code = nvml.nvmlDeviceGetMemoryInfo_v2(device, out)
    if code != 0:
        return error(code)
    return dict(zip(("total", "reserved", "free", "used"), (v >> 20 for v in struct.unpack_from("<QQQQ", out, 8))))


def mig(device):
    current, pending = u32(), u32()
    code = nvml.nvmlDeviceGetMigMode(device, ctypes.byref(current), ctypes.byref(pending))
    return [current.value, pending.value] if code == 0 else error(code)


def recovery(device):
    out = ctypes.create_string_buffer(40)
    struct.pack_into("<I", out, 0, 230)
    code = nvml.nvmlDeviceGetFieldValues(device, 1, out)
    kind, result, value = struct.unpack_from("<IIQ", out, 24)
    return {"call": code, "type": kind, "return": result, "value": value}


def processes(kind, device):
    out, count = ctypes.create_string_buffer(32 * 256), u32(255)
    code = getattr(nvml, f"nvmlDeviceGet{kind}RunningProcesses_v3")(device, ctypes.byref(count), out)
    if code != 0:
        return error(code)
    entries = (struct.unpack_from("<IxxxxQII", out, i * 24) for i in range(count.value))
    return [{"pid": pid, "mib": used >> 20, "gpu_instance": gi, "compute_instance": ci} for pid, used, gi, ci in entries]


READINGS = {
    "uuid": lambda d: text("nvmlDeviceGetUUID", d),
    "name": lambda d: text("nvmlDeviceGetName", d),
    "memory": memory,
    "utilization": lambda d: numbers("nvmlDeviceGetUtilizationRates", d, 2),
    "temperature": lambda d: numbers("nvmlDeviceGetTemperature", d, 1, 0),
    "power": lambda d: numbers("nvmlDeviceGetPowerUsage", d),
    "mig": mig,
    "recovery action": recovery,
    "compute processes": lambda d: processes("Compute", d),
    "mps processes": lambda d: processes("MPSCompute", d),
    "graphics processes": lambda d: processes("Graphics", d),
}


def handles():
    count = u32()
    nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    found = []
    for index in range(count.value):
        device = ctypes.c_void_p()
        nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(device))
        found.append(device)
    return found


def steps(flags):
    times = [("load the library", (loaded - began) * 1000)]

    def timed(name, work):
        start = time.perf_counter()
        result = work()
        times.append((name, (time.perf_counter() - start) * 1000))
        return result

    if flags is None:
        timed("nvmlInit_v2", lambda: nvml.nvmlInit_v2())
    else:
        timed(f"nvmlInitWithFlags({flags})", lambda: nvml.nvmlInitWithFlags(flags))
    devices = timed("count and handles", handles)
    for turn in ("", " again"):
        for name, read in READINGS.items():
            timed(name + turn, lambda: [read(device) for device in devices])
    timed("nvmlShutdown", lambda: nvml.nvmlShutdown())
    print(json.dumps([[name, round(ms, 3)] for name, ms in times]))


def watch(path):
    devices, before = handles(), None
    with open(path, "w") as out:
        while True:
            state = []
            for device in devices:
                used, list_ = memory(device), processes("Compute", device)
                pids = [(each["pid"], each["mib"]) for each in list_] if isinstance(list_, list) else list_
                load = numbers("nvmlDeviceGetUtilizationRates", device, 2)
                state.append((used.get("used", used), pids, load[0] if isinstance(load, list) else load))
            if state != before:
                print(f"{time.time():.3f}", json.dumps(state), file=out, flush=True)
            before = state
            time.sleep(0.02)


if sys.argv[1] == "steps":
    steps(int(sys.argv[2]) if len(sys.argv) > 2 else None)
else:
    nvml.nvmlInit_v2()
    if sys.argv[1] == "watch":
        watch(sys.argv[2])
    print(json.dumps([{name: read(device) for name, read in READINGS.items()} for device in handles()], indent=1))
