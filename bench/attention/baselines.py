"""PyTorch's attention on the same pattern: dense, with a mask, and FlexAttention compiled. Usage: baselines.py [--quick | --sweep]"""

import json
import os
import sys

import torch
import torch.nn.functional as F
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from microbench import MIDDLE, SWEEP, encoder_case, measure, name_of
from native import Data, load_library
from reference import visible
from timing import time_us


def flex_call(case, query, key, value):
    """FlexAttention with a block mask of the pattern, compiled for this shape."""

    def pattern(b, h, i, j):
        return ((i - j).abs() <= case.window) | (i < case.globals) | (j < case.globals)

    mask = create_block_mask(pattern, None, None, case.sequence, case.sequence, device="cuda")
    compiled = torch.compile(flex_attention, dynamic=False)
    return lambda: compiled(query, key, value, block_mask=mask)


def time_case(library, case, quick):
    ours = measure(library, case)
    data = Data(library, case)
    # As the encoder has them: heads beside one another in a token.
    query, key, value = data.heads_of(torch.float16)
    result = {"case": name_of(case), "kernelUs": ours["us"]}
    calls = {
        "sdpaDenseUs": lambda: F.scaled_dot_product_attention(query, key, value),
        "flexUs": flex_call(case, query, key, value),
    }
    if not quick and case.batch * case.sequence**2 < 1 << 27:
        mask = visible(case, data.lengths)[:, None]
        calls["sdpaMaskedUs"] = lambda: F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    for name, call in calls.items():
        try:
            result[name], _ = time_us([call] * 4)
        except Exception as error:  # one baseline that fails here must not hide the others
            result[name] = None
            print(f"{name} failed: {str(error).splitlines()[0]}", flush=True)
    return result


def main():
    library = load_library()
    quick = "--quick" in sys.argv
    shapes = [SWEEP[0], SWEEP[3]] if quick else SWEEP if "--sweep" in sys.argv else MIDDLE + SWEEP
    results = []
    for batch, sequence in shapes:
        torch.compiler.reset()
        result = time_case(library, encoder_case(batch, sequence), quick)
        results.append(result)
        print("  ".join(f"{k} {v:.1f}" if isinstance(v, float) else f"{k} {v}" for k, v in result.items()), flush=True)
        torch.cuda.empty_cache()
    out = os.environ.get("OUT")
    if out:
        with open(os.path.join(out, "baselines.json"), "w") as file:
            json.dump({"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "results": results}, file, indent=1)


if __name__ == "__main__":
    main()
