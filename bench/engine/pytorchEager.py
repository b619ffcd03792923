#!/usr/bin/env python3
"""BERT of a given size in PyTorch: FP32, eager, TF32 off, for what an engine is compared with.

    python3 bench/engine/pytorchEager.py [--shapes 16x64,16x128] [--layers 12 --hidden 768 --heads 12]

Prints one JSON object: for each shape the median, 10 % and 90 % of ms from token ids on the host to states on the GPU and
back to a pooled embedding on the host, utterances a second, and the GPU's memory in use (NVML, whole device; nothing else
may run on it) above what was in use before this process touched it, CUDA's context included. Random weights.
"""
import argparse
import json
import statistics
import time

import pynvml
import torch
from transformers import BertConfig, BertModel


def used_bytes():
    pynvml.nvmlInit()
    import os
    devices = os.environ.get('CUDA_VISIBLE_DEVICES', '0')
    return pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(int(devices.split(',')[0]))).used


@torch.no_grad()
def measure(model, batch, sequence, seconds):
    ids = torch.randint(1000, 20000, (batch, sequence)).pin_memory()
    mask = torch.ones(batch, sequence, dtype=torch.long, device='cuda')

    def once():
        states = model(input_ids=ids.to('cuda', non_blocking=True), attention_mask=mask).last_hidden_state
        return torch.nn.functional.normalize(states.mean(1), dim=-1).cpu()

    for _ in range(20):
        once()
    torch.cuda.synchronize()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        once()
        times.append((time.perf_counter() - start) * 1e3)
    tenths = statistics.quantiles(times, n=10)
    median = statistics.median(times)
    return {'shape': f'{batch}x{sequence}', 'runs': len(times), 'ms': median, 'ms10': tenths[0], 'ms90': tenths[-1],
            'perSecond': batch * len(times) / (sum(times) / 1e3)}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--shapes', default='16x64,16x128')
    arguments.add_argument('--layers', type=int, default=12)
    arguments.add_argument('--hidden', type=int, default=768)
    arguments.add_argument('--heads', type=int, default=12)
    arguments.add_argument('--seconds', type=float, default=3)
    given = arguments.parse_args()
    before = used_bytes()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    config = BertConfig(hidden_size=given.hidden, num_hidden_layers=given.layers, num_attention_heads=given.heads,
                        intermediate_size=4 * given.hidden)
    model = BertModel._from_config(config, attn_implementation='eager').cuda().eval()
    shapes = [tuple(map(int, shape.split('x'))) for shape in given.shapes.split(',')]
    rows = [measure(model, batch, sequence, given.seconds) for batch, sequence in shapes]
    print(json.dumps({'torch': torch.__version__, 'gpu': torch.cuda.get_device_name(), 'shapes': rows,
                      'deviceBytes': used_bytes() - before}))


if __name__ == '__main__':
    main()
