"""Holds the kernel against a float64 reference over random cases. Usage: exactness.py [CASES] [--variants] [--int8-only]

Half: |error| <= 2e-3. Int8 and mixed: the stored number is the nearest of reference / outputScale, within what 2e-3 may move it.
Past the length every byte is zero; a second run gives the same bytes; the counters end as zeros.
"""

import json
import os
import random
import sys
from collections import Counter

import torch

from native import HALF, INT8, MIXED, Case, Data, load_library, variants
from reference import plain_reference, reference

TOLERANCE = 2e-3


def draw_sequence(random):
    kind = random.random()
    if kind < 0.15:
        return random.choice([1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65])
    if kind < 0.55:
        return random.randint(1, 130)
    if kind < 0.9:
        return random.randint(100, 700)
    return random.randint(700, 2100) if kind < 0.985 else random.choice([4096, 5000, 8191, 8192])


def draw_case(random, head_size=None, kind=None, short=False):
    sequence = random.randint(1, 64) if short else draw_sequence(random)
    batch = random.randint(1, 5) if sequence < 1000 else 1
    lengths = None
    if random.random() < 0.75:
        lengths = tuple(random.choice([0, 1, sequence, *[random.randint(0, sequence)] * 4]) for _ in range(batch))
    window = random.choice([-1, 0, 1, 5, 15, 16, 31, 63, 64, 64, 64, 65, 100, 200, sequence, 10000])
    return Case(
        batch=batch,
        sequence=sequence,
        heads=random.choice([1, 2, 3, 12]) if sequence < 300 else random.choice([1, 2]),
        head_size=head_size or random.choice([32, 32, 64, 64, 64, 128]),
        window=window,
        globals=random.choice([0, 0, 1, 1, 1, 2, 7, 16, 17, 40, 70, sequence]),
        type=random.choice([HALF, HALF, INT8, MIXED]) if kind is None else kind,
        packed=random.random() < 0.5,
        lengths=lengths,
        output_scale=random.choice([0.005, 0.02, 0.03]),
        seed=random.getrandbits(31),
    )


def compare(data, expected):
    """Largest error in units of the tolerance, and what is wrong, if anything."""
    case, out = data.case, data.output
    if case.type != HALF:
        stored = (expected / case.output_scale).clamp(-128, 127)
        allowed = 0.5 + TOLERANCE / case.output_scale
        error = (out.double() - stored).abs() / allowed
    else:
        error = (out.double() - expected).abs() / TOLERANCE
    error = error.nan_to_num(float("inf"), posinf=float("inf"))
    if data.past.any() and out.view(torch.uint8).view(case.batch, case.sequence, -1)[data.past].any():
        return float("inf"), "not zero past the length"
    worst = error.max().item()
    if worst <= 1:
        return worst, None
    first = (error > 1).nonzero()[0].tolist()
    return worst, f"{(error > 1).sum().item()} bad, first at {first}: {out[tuple(first)].item()} for {expected[tuple(first)].item():.6f}"


def run_case(library, case, variant, split_keys, plain):
    own_counters = case.seed % 2 == 0
    data = Data(library, case, split_keys, own_counters)
    results = []
    for poison in (float("nan"), 3.0):
        data.output.fill_(poison if case.type == HALF else 77)
        data.launch(variant, split_keys)
        results.append(data.output.view(torch.uint8).clone())
    torch.cuda.synchronize()
    expected = plain_reference(data).cuda() if plain else reference(data)
    worst, problem = compare(data, expected)
    if problem is None and not torch.equal(*results):
        problem = "a second run differs"
    if problem is None and own_counters and data.counters.any():
        problem = "counters not zero"
    return worst, problem


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 2000
    library = load_library()
    known = [v for v in variants(library)]
    rng = random.Random(20261124)
    worst = {HALF: 0.0, INT8: 0.0, MIXED: 0.0}
    failures, per_variant = [], Counter()
    plain_cases = 0
    for number in range(count):
        variant, split_keys = -1, -1
        if "--variants" in sys.argv:
            chosen = known[number % len(known)]
            case = draw_case(rng, chosen.head_size, chosen.type, chosen.short and rng.random() < 0.7)
            variant = chosen.index
            split_keys = rng.choice([-1, -1, 0, 64, 128])
        else:
            case = draw_case(rng, kind=INT8 if "--int8-only" in sys.argv else None)
        plain = case.batch * case.heads * case.sequence**2 * case.head_size < 120_000 and plain_cases < 100
        plain_cases += plain
        error, problem = run_case(library, case, variant, split_keys, plain)
        if problem is None:
            worst[case.type] = max(worst[case.type], error)
        else:
            name = known[variant].name if variant >= 0 else "plan"
            per_variant[name] += 1
            failures.append(f"{name} split {split_keys} {case}: {error:.3g} x tolerance, {problem}")
    report(count, plain_cases, worst, failures, per_variant)


def report(count, plain_cases, worst, failures, per_variant):
    for line in failures[:12]:
        print("FAIL", line)
    for name, number in per_variant.most_common(40):
        print(f"  {number} failures of {name}")
    print(
        f"exactness: {count} cases ({plain_cases} against plain CPU loops), {len(failures)} failures; worst error "
        f"half {worst[HALF] * TOLERANCE:.2e} of {TOLERANCE}, int8 {worst[INT8]:.3f} and mixed {worst[MIXED]:.3f} of the allowed step"
    )
    out = os.environ.get("OUT")
    if out:
        name = "exactness-variants" if "--variants" in sys.argv else "exactness"
        with open(os.path.join(out, name + ".json"), "w") as file:
            json.dump(
                {"cases": count, "plain": plain_cases, "failures": failures, "worstHalf": worst[HALF] * TOLERANCE,
                 "worstInt8Share": worst[INT8], "worstMixedShare": worst[MIXED], "gpu": torch.cuda.get_device_name()}, file, indent=1,
            )  # fmt: skip
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
