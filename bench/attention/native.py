"""The attention kernel through ctypes, on PyTorch tensors: sizes, data and launches of one call."""

import ctypes
import math
import os
from dataclasses import dataclass, replace

import torch

HALF, INT8, MIXED = 0, 1, 2  # mixed: halves in, int8 out


class Shape(ctypes.Structure):
    """As AttentionShape in kernel.h."""

    _fields_ = [
        (name, ctypes.c_int32)
        for name in ("batch", "sequence", "heads", "head_size", "window", "globals")
    ]


class Call(ctypes.Structure):
    """As Attention in kernel.h."""

    _fields_ = [
        ("shape", Shape),
        ("type", ctypes.c_int32),
        ("packed", ctypes.c_bool),
        ("scale", ctypes.c_float),
        ("input_scale", ctypes.c_float),
        ("output_scale", ctypes.c_float),
        ("query_key", ctypes.c_void_p),
        ("value", ctypes.c_void_p),
        ("lengths", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("workspace", ctypes.c_void_p),
        ("counters", ctypes.c_void_p),
    ]


def load_library():
    """Opens the library that build.sh made, and its kernels on the current device."""
    library = ctypes.CDLL(os.environ.get("BENCH_ATTENTION", "build/attention/libattention.so"))
    library.attention_workspace_bytes.restype = ctypes.c_size_t
    library.attention_variant_name.restype = ctypes.c_char_p
    torch.zeros(1, device="cuda")  # makes the context current
    check(library.attention_prepare(), "prepare")
    return library


def check(error, what):
    if error != 0:
        raise RuntimeError(f"{what}: CUDA error {error}")


@dataclass(frozen=True)
class Variant:
    index: int
    name: str
    type: int
    head_size: int
    short: bool
    tile_queries: int


def variants(library):
    return [
        Variant(
            i,
            library.attention_variant_name(i).decode(),
            library.attention_variant_type(i),
            library.attention_variant_head_size(i),
            bool(library.attention_variant_short(i)),
            library.attention_variant_tile_queries(i),
        )
        for i in range(library.attention_variants())
    ]


@dataclass(frozen=True)
class Case:
    """What one call computes; lengths of None are all the sequence."""

    batch: int
    sequence: int
    heads: int
    head_size: int
    window: int
    globals: int
    type: int = HALF
    packed: bool = False
    lengths: tuple | None = None
    input_scale: float = 0.03
    output_scale: float = 0.02
    seed: int = 0

    @property
    def hidden(self):
        return self.heads * self.head_size

    @property
    def scale(self):
        return 1 / math.sqrt(self.head_size)

    @property
    def shape(self):
        return Shape(self.batch, self.sequence, self.heads, self.head_size, self.window, self.globals)

    def row_lengths(self):
        return self.lengths if self.lengths is not None else (self.sequence,) * self.batch

    def with_type(self, kind):
        return replace(self, type=kind)


class Data:
    """Inputs, output and workspace of a case on the GPU. What lies past a length is NaN, or 127 in int8."""

    def __init__(self, library, case, split_keys=-1, own_counters=True):
        self.library, self.case = library, case
        random = torch.Generator(device="cuda").manual_seed(case.seed)
        columns = 3 * case.hidden
        real = torch.randn(case.batch, case.sequence, columns, device="cuda", generator=random)
        if case.type == INT8:
            everything = (real / case.input_scale).round().clamp(-128, 127).to(torch.int8)
        else:
            everything = real.half()
        self.lengths = torch.tensor(case.row_lengths(), dtype=torch.int32, device="cuda")
        past = torch.arange(case.sequence, device="cuda")[None, :] >= self.lengths[:, None]
        everything[past] = 127 if case.type == INT8 else float("nan")
        self.past = past
        self.everything = everything
        if case.packed:
            self.query_key, self.value = everything, None
        else:
            self.query_key = everything[..., : 2 * case.hidden].contiguous()
            self.value = everything[..., 2 * case.hidden :].contiguous()
        self.output = torch.empty(case.batch, case.sequence, case.hidden, device="cuda",
                                  dtype=torch.half if case.type == HALF else torch.int8)
        self.make_workspace(split_keys, own_counters)

    def make_workspace(self, split_keys, own_counters):
        case, shape = self.case, self.case.shape
        size = self.library.attention_workspace_bytes(ctypes.byref(shape))
        if split_keys > 0:  # forced: more parts than the plan would make
            parts = self.library.attention_splits(ctypes.byref(shape), split_keys)
            rows = case.batch * case.heads * parts * min(case.globals, case.sequence)
            size = rows * (case.head_size + 4) * 4 + case.batch * case.heads * 4 + 64
        self.workspace = torch.full((max(size, 16),), 0xFF, dtype=torch.uint8, device="cuda")
        self.counters = torch.zeros(case.batch * case.heads, dtype=torch.int32, device="cuda") if own_counters else None

    def call(self):
        case = self.case
        pointer = lambda tensor: None if tensor is None else tensor.data_ptr()
        return Call(
            case.shape, case.type, case.packed, case.scale, case.input_scale, case.output_scale,
            pointer(self.query_key), pointer(self.value), pointer(self.lengths), pointer(self.output),
            pointer(self.workspace), pointer(self.counters),
        )  # fmt: skip

    def launch(self, variant=-1, split_keys=-1):
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        call = self.call()
        check(self.library.attention_launch(ctypes.byref(call), variant, split_keys, stream), f"launch {self.case}")

    def heads_of(self, dtype):
        """Query, key and value as [batch, heads, sequence, head_size] of real numbers."""
        case = self.case
        real = self.everything.to(dtype) * (case.input_scale if case.type == INT8 else 1)
        parts = real.split(case.hidden, dim=-1)
        return [x.view(case.batch, case.sequence, case.heads, case.head_size).transpose(1, 2) for x in parts]
