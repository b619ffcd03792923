"""Times the kernel's variants and the plan's choice over the shapes that matter. Usage: microbench.py [--variants]"""

import json
import os
import random
import sys

import torch

from native import HALF, INT8, MIXED, Case, Data, load_library, variants
from timing import copies, time_us
from work import case_work

MIDDLE = [(16, 256), (8, 512), (4, 1024), (1, 4096)]
SWEEP = [(32, 1024), (16, 2048), (8, 4096), (4, 8192)]


def encoder_case(batch, sequence, heads=12, head_size=64, **more):
    return Case(batch, sequence, heads, head_size, window=64, globals=1, **more)


def short_cases(kind):
    return [encoder_case(b, s, 12, 32, type=kind) for b, s in [(1, 16), (16, 16), (1, 64), (16, 64)]] + [
        encoder_case(16, 64, type=kind)
    ]


def ragged_pairs():
    """(name, ragged, uniform of as many visited tiles: rows of the longest length, fewer of them)."""
    rng = random.Random(7)
    for low, high, repeats in [(4, 128, 1), (4, 128, 32), (64, 2048, 1), (64, 2048, 4)]:
        lengths = tuple(rng.randint(low, high) for _ in range(32)) * repeats
        ragged = encoder_case(len(lengths), high, lengths=lengths)
        rows = case_work(ragged).tiles / case_work(encoder_case(1, high)).tiles
        yield f"{len(lengths)} rows of {low}..{high}", ragged, encoder_case(round(rows), high)


def measure(library, case, variant=-1, split_keys=-1):
    work = case_work(case)
    sets = copies(lambda i: Data(library, case, split_keys), 2 * work.bytes if case.sequence > 64 else 1 << 62)
    launches = [lambda data=data: data.launch(variant, split_keys) for data in sets]
    launches *= max(1, 40 // len(launches)) if work.bytes < 1 << 24 else 1
    us, spread = time_us(launches)
    return {"us": us, "spread": spread, "tflops": work.flop / us / 1e6, "gbps": work.bytes / us / 1e3,
            "tileShare": work.tiles / work.all_tiles, "toBound": us / work.bound_us}  # fmt: skip


def show(label, r):
    print(
        f"{label:58s} {r['us']:9.2f} us ±{100 * r['spread']:4.1f}% {r['tflops']:7.1f} TFLOP/s {r['gbps']:7.0f} GB/s "
        f"tiles {100 * r['tileShare']:5.1f}% {r['toBound']:5.2f} x bound",
        flush=True,
    )


def name_of(case):
    kind = {HALF: "half", INT8: "int8", MIXED: "mixed"}[case.type]
    return f"{kind} {case.batch}x{case.sequence} h{case.heads}x{case.head_size}"


def tune(library, known, log):
    """Every variant on every shape; the best three are printed, all are logged."""
    cases = [encoder_case(b, s) for b, s in MIDDLE + [SWEEP[0], SWEEP[3]]]
    cases += [encoder_case(b, s, type=INT8) for b, s in (MIDDLE[0], MIDDLE[3], SWEEP[0])]
    cases += short_cases(HALF) + short_cases(INT8)[:2]
    for case in cases:
        results = []
        for v in known:
            if v.type != case.type or v.head_size != case.head_size or (v.short and case.sequence > 64):
                continue
            if not v.short and case.sequence <= 16:
                continue
            parted = case.sequence > 256 and "64f32m16" in v.name
            for split in [-1, 0, 128, 512] if parted else [-1]:
                r = measure(library, case, v.index, split)
                results.append((r["us"], f"{v.name} split {split}", r))
                log.append({"case": name_of(case), "variant": v.name, "split": split, **r})
        results.sort(key=lambda x: x[0])
        for us, label, r in results[:4]:
            show(f"{name_of(case)} {label}", r)
        torch.cuda.empty_cache()


def published(library, log):
    """What the plan chooses, on the shapes that the targets name."""
    for kind in (HALF, INT8, MIXED):
        for case in short_cases(kind) + [encoder_case(b, s, type=kind) for b, s in MIDDLE + SWEEP]:
            r = measure(library, case)
            log.append({"case": name_of(case), "variant": "plan", **r})
            show(f"{name_of(case)} plan", r)
    for name, ragged, uniform in ragged_pairs():
        a, b = measure(library, ragged), measure(library, uniform)
        ratio = a["us"] / b["us"]
        log.append({"case": f"ragged {name}", "ragged": a, "uniform": b, "uniformBatch": uniform.batch, "ratio": ratio})
        print(f"ragged {name}: {a['us']:.1f} us, uniform of {uniform.batch} rows: {b['us']:.1f} us, ratio {ratio:.3f}", flush=True)


def main():
    library = load_library()
    log = []
    published(library, log)
    if "--variants" in sys.argv:
        tune(library, variants(library), log)
    out = os.environ.get("OUT")
    if out:
        with open(os.path.join(out, "microbench.json"), "w") as file:
            json.dump({"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "results": log}, file, indent=1)


if __name__ == "__main__":
    main()
