#!/usr/bin/env python3
"""Small engines with the plugin inside, over a few odd shapes: something for compute-sanitizer to look at.

    python3 bench/attention/sanitize.py build DIR
    compute-sanitizer --tool memcheck --error-exitcode 1 python3 bench/attention/sanitize.py run DIR

Building apart keeps the builder's own trials out of the sanitizer's sight.
"""
import os
import sys

import torch

import trt
from encoder_onnx import Form, Size, encoder_onnx, weights

SIZE = Size(hidden=128, heads=2, wide=256, layers=1, window=20, globals_=2)
FORMS = {'fp16': Form('plugin'), 'fp16-split': Form('plugin', packed=False), 'int8': Form('plugin', int8=True, qkv=True),
         'mixed': Form('plugin', int8=True, mixed=True)}
SHAPES = [(1, 1), (3, 7), (2, 64), (4, 130), (1, 515)]


def build(folder):
    os.makedirs(folder, exist_ok=True)
    profile = {'x': [(1, 1, SIZE.hidden), (4, 130, SIZE.hidden), (4, 515, SIZE.hidden)], 'lengths': [(1,), (4,), (4,)]}
    for name, form in FORMS.items():
        with open(os.path.join(folder, name + '.plan'), 'wb') as file:
            file.write(bytes(trt.build(encoder_onnx(SIZE, form, weights(SIZE)), [profile])))


def run(folder):
    stream = torch.cuda.Stream()
    for name in FORMS:
        with open(os.path.join(folder, name + '.plan'), 'rb') as file:
            engine = trt.RUNTIME.deserialize_cuda_engine(file.read())
        for batch, sequence in SHAPES:
            x = torch.randn((batch, sequence, SIZE.hidden), device='cuda').half()
            lengths = torch.randint(0, sequence + 1, (batch,), device='cuda', dtype=torch.int32)
            one = trt.Run(engine, 0, {'x': x, 'lengths': lengths}, stream, graph=False)
            print(name, batch, sequence, bool(one.tensors['y'].isfinite().all()), flush=True)


if __name__ == '__main__':
    trt.load_plugins()
    {'build': build, 'run': run}[sys.argv[1]](sys.argv[2])
