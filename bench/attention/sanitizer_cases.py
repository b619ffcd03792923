"""Launches a few calls of every kind through the driver API alone, without PyTorch: small and quick under compute-sanitizer.

compute-sanitizer --tool memcheck python3 sanitizer_cases.py     (also racecheck, initcheck, synccheck)
Buffers are allocated at their exact sizes and one by one, so that a byte too far is seen. Exits 1 on an error.
"""

import ctypes
import math
import os
import struct
import sys
from array import array

# (batch, sequence, heads, head size, window, globals, type, packed, lengths); types: 0 halves, 1 int8, 2 halves in, int8 out
CASES = [
    (2, 16, 12, 32, 64, 1, 0, True, (16, 3)),
    (1, 1, 1, 32, 64, 1, 0, False, (1,)),
    (3, 45, 2, 64, 5, 1, 1, False, (45, 0, 7)),
    (1, 64, 3, 32, -1, 0, 0, False, (50,)),
    (2, 200, 2, 64, 64, 1, 0, True, (200, 33)),
    (2, 200, 2, 64, 64, 1, 1, True, (190, 0)),
    (1, 600, 2, 64, 64, 1, 0, False, (600,)),
    (2, 1000, 1, 64, 31, 20, 1, False, (1000, 300)),
    (1, 777, 2, 32, 64, 3, 0, True, (700,)),
    (1, 130, 1, 128, 16, 1, 0, False, (129,)),
    (1, 300, 1, 64, 0, 300, 0, False, (299,)),
    (2, 16, 12, 32, 64, 1, 2, True, (16, 3)),
    (3, 45, 2, 64, 5, 1, 2, False, (45, 0, 7)),
    (2, 200, 2, 64, 64, 1, 2, True, (200, 33)),
    (1, 600, 2, 64, 64, 1, 2, True, (600,)),
    (2, 1000, 1, 32, 31, 20, 2, False, (1000, 300)),
    (1, 130, 1, 128, 16, 1, 2, True, (129,)),
]


class Fields(ctypes.Structure):
    """As Attention in kernel.h."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("batch", "sequence", "heads", "head_size", "window", "globals", "type")),
        ("packed", ctypes.c_bool),
        *((name, ctypes.c_float) for name in ("scale", "input_scale", "output_scale")),
        *((name, ctypes.c_uint64) for name in ("query_key", "value", "lengths", "output", "workspace", "counters")),
    ]


def check(error, what):
    if error != 0:
        sys.exit(f"{what}: CUDA error {error}")


class Gpu:
    """Exactly sized device memory through the driver."""

    def __init__(self):
        self.cuda = ctypes.CDLL("libcuda.so.1")
        check(self.cuda.cuInit(0), "cuInit")
        context = ctypes.c_void_p()
        check(self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0), "cuDevicePrimaryCtxRetain")
        check(self.cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent")
        self.held = []

    def allocate(self, size):
        pointer = ctypes.c_uint64()
        check(self.cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(size)), f"allocation of {size} bytes")
        self.held.append(pointer)
        return pointer.value

    def upload(self, data):
        pointer = self.allocate(len(data))
        check(self.cuda.cuMemcpyHtoD_v2(ctypes.c_uint64(pointer), data, ctypes.c_size_t(len(data))), "upload")
        return pointer

    def finish(self):
        check(self.cuda.cuCtxSynchronize(), "synchronization")
        for pointer in self.held:
            check(self.cuda.cuMemFree_v2(pointer), "free")
        self.held = []


def numbers(count, int8):
    """Any valid numbers: small waves."""
    if int8:
        return array("b", (int(100 * math.sin(i * 0.7)) for i in range(count))).tobytes()
    return b"".join(struct.pack("<e", math.sin(i * 0.7)) for i in range(count))


def run(library, gpu, case):
    batch, sequence, heads, head_size, window, globals_, kind, packed, lengths = case
    tokens, hidden, int8 = batch * sequence, heads * head_size, kind == 1
    call = Fields(batch, sequence, heads, head_size, window, globals_, kind, packed, 1 / math.sqrt(head_size), 0.01, 0.01)
    call.query_key = gpu.upload(numbers(tokens * hidden * (3 if packed else 2), int8))
    call.value = 0 if packed else gpu.upload(numbers(tokens * hidden, int8))
    call.lengths = gpu.upload(struct.pack(f"<{batch}i", *lengths))
    call.output = gpu.allocate(tokens * hidden * (2 if kind == 0 else 1))
    workspace = library.attention_workspace_bytes(ctypes.byref(call))
    call.workspace = gpu.allocate(workspace) if workspace else 0
    check(library.attention_launch(ctypes.byref(call), -1, -1, None), f"launch of {case}")
    gpu.finish()


def main():
    gpu = Gpu()
    library = ctypes.CDLL(os.environ.get("BENCH_ATTENTION", "build/attention/libattention.so"))
    library.attention_workspace_bytes.restype = ctypes.c_size_t
    check(library.attention_prepare(), "prepare")
    for case in CASES:
        run(library, gpu, case)
    print(f"{len(CASES)} calls done")


if __name__ == "__main__":
    main()
