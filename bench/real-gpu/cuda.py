#!/usr/bin/env python3
"""A CUDA program that needs only the driver: cuda.py MEGABYTES SECONDS [spin|torch]; cuda.py devices

It allocates memory and sleeps, or keeps one kernel running (spin), or holds the memory in a torch tensor. It prints a
line with the time for each step, so that a script knows when it started and when it has its memory.
"""
import ctypes
import os
import sys
import time

SPIN = b"""
.version 6.0
.target sm_50
.address_size 64
.visible .entry spin(.param .u64 nanoseconds)
{
  .reg .u64 %t<5>;
  .reg .pred %again;
  ld.param.u64 %t1, [nanoseconds];
  mov.u64 %t2, %globaltimer;
LOOP:
  mov.u64 %t3, %globaltimer;
  sub.u64 %t4, %t3, %t2;
  setp.lt.u64 %again, %t4, %t1;
  @%again bra LOOP;
  ret;
}
"""


def report(*words):
    print(f"{time.time():.3f}", *words, flush=True)


def call(name, *args):
    code = getattr(cuda, name)(*args)
    if code != 0:
        report("failed", name, code)
        sys.exit(1)


def devices():
    report("visible", os.environ.get("CUDA_VISIBLE_DEVICES", "(not set)"))
    call("cuInit", 0)
    count = ctypes.c_int()
    call("cuDeviceGetCount", ctypes.byref(count))
    for number in range(count.value):
        device, uuid = ctypes.c_int(), (ctypes.c_ubyte * 16)()
        call("cuDeviceGet", ctypes.byref(device), number)
        call("cuDeviceGetUuid", ctypes.byref(uuid), device)
        report("device", number, "uuid", bytes(uuid).hex())
    report("devices", count.value)


def hold(megabytes, seconds, how):
    if how == "torch":
        import torch

        tensor = torch.zeros(megabytes * 1024 * 1024, dtype=torch.uint8, device="cuda:0")
        torch.cuda.synchronize()
        report("ready", os.getpid(), tensor.numel())
        time.sleep(seconds)
        return
    device, context, memory = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    call("cuInit", 0)
    call("cuDeviceGet", ctypes.byref(device), 0)
    call("cuCtxCreate_v2", ctypes.byref(context), 0, device)
    call("cuMemAlloc_v2", ctypes.byref(memory), ctypes.c_size_t(megabytes * 1024 * 1024))
    if how == "spin":
        module, function, length = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint64(seconds * 10**9)
        call("cuModuleLoadData", ctypes.byref(module), SPIN)
        call("cuModuleGetFunction", ctypes.byref(function), module, b"spin")
        arguments = (ctypes.c_void_p * 1)(ctypes.cast(ctypes.byref(length), ctypes.c_void_p))
        call("cuLaunchKernel", function, 1, 1, 1, 32, 1, 1, 0, None, arguments, None)
    report("ready", os.getpid(), megabytes)
    if how == "spin":
        call("cuCtxSynchronize")
    else:
        time.sleep(seconds)
    report("done")


report("begun", os.getpid(), "uid", os.getuid(), "visible", os.environ.get("CUDA_VISIBLE_DEVICES", "(not set)"))
cuda = ctypes.CDLL("libcuda.so.1")
if sys.argv[1] == "devices":
    devices()
else:
    hold(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
