"""Holds memory of the first GPU until its standard input ends, so that other programs meet a GPU that is full.

    python3 bench/engine/holdGpuMemory.py LEAVE_MIB        writes "holding N MiB, M MiB free" when it does
"""

import ctypes
import sys


def check(status: int, what: str) -> None:
    if status != 0:
        sys.exit(f"{what}: CUDA says {status}")


def main() -> None:
    leave = int(sys.argv[1]) << 20
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        sys.exit(f"there is no CUDA driver: {error}")
    device, context = ctypes.c_int(), ctypes.c_void_p()
    check(cuda.cuInit(0), "cuInit")
    check(cuda.cuDeviceGet(ctypes.byref(device), 0), "cuDeviceGet")
    check(cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), device), "cuDevicePrimaryCtxRetain")
    check(cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent")
    free, total = ctypes.c_size_t(), ctypes.c_size_t()

    def free_bytes() -> int:
        check(cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)), "cuMemGetInfo")
        return free.value

    # In smaller and smaller pieces: what is free need not lie together.
    held, piece = 0, 8 << 30
    while piece >= 4 << 20:
        pointer = ctypes.c_uint64()
        fits = free_bytes() - leave >= piece
        if fits and cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(piece)) == 0:
            held += piece
        else:
            piece >>= 1
    print(f"holding {held >> 20} MiB, {free_bytes() >> 20} MiB free", flush=True)
    sys.stdin.read()


main()
