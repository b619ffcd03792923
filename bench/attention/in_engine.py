#!/usr/bin/env python3
"""A two-layer BERT-base encoder inside TensorRT: the plugin's attention against TensorRT's own.

    BENCH_TENSORRT=DIR LD_LIBRARY_PATH=DIR/trt/lib python3 bench/attention/in_engine.py [--json FILE]

The same random weights become one engine for each form of encoder_onnx.py, strongly typed, one profile a shape. For
each shape the engines take turns at one replay of their CUDA graph; printed are the median of GPU time, the middle
80 %, and the ratio to TensorRT's dense attention of the same precision. Then each output is held against a float64
reference with the same pattern: the largest error and the least cosine of a token.
"""
import argparse
import json
import math
import traceback

import torch

import trt
from encoder_onnx import Form, Size, encoder_onnx, weights

FORMS = {
    'fp16': {
        'dense': Form('dense'),
        'window': Form('window'),
        'plugin': Form('plugin'),
        'plugin split': Form('plugin', packed=False),
    },
    'int8': {
        'dense': Form('dense', int8=True),
        'dense qkv-Q/DQ': Form('dense', int8=True, qkv=True),
        'window': Form('window', int8=True),
        'plugin': Form('plugin', int8=True, mixed=True),
        'plugin int8 in': Form('plugin', int8=True, qkv=True),
        'plugin int8 in, split': Form('plugin', int8=True, qkv=True, packed=False),
        'plugin fp16 inside': Form('plugin', int8=True),
    },
}


def visible(size, batch, sequence, lengths, dense):
    """bool [B, S, S]: which token sees which."""
    at = torch.arange(sequence, device='cuda')
    inside = at[None, None, :] < lengths[:, None, None]
    if dense:
        return inside.expand(batch, sequence, sequence)
    near = (at[:, None] - at[None, :]).abs() <= size.window
    shared = (at[:, None] < size.globals_) | (at[None, :] < size.globals_)
    return (near | shared)[None] & inside


def reference(size, tensors, x, seen):
    """The encoder in float64, [B, S, hidden]."""
    layer_norm = torch.nn.functional.layer_norm
    parts = {name: torch.from_numpy(value).cuda().double() for name, value in tensors.items()}
    states, h = x.double(), size.hidden
    for layer in range(size.layers):
        def linear(value, name):
            return value @ parts[f'{layer}.{name}'] + parts[f'{layer}.{name}.bias']
        heads = [part.unflatten(-1, (size.heads, -1)).transpose(1, 2) for part in linear(states, 'qkv').split(h, -1)]
        query, key, value = heads
        mixed = torch.empty_like(query)
        for row in range(x.shape[0]):  # a row at a time: scores of one row fit
            scores = query[row] @ key[row].mT / math.sqrt(h / size.heads)
            mixed[row] = scores.masked_fill(~seen[row][None], -1e4).softmax(-1) @ value[row]
        context = mixed.transpose(1, 2).flatten(2)
        middle = layer_norm(states + linear(context, 'out'), (h,))
        wide = torch.nn.functional.gelu(linear(middle, 'up'), approximate='tanh')
        states = layer_norm(middle + linear(wide, 'down'), (h,))
    return states


def inputs_of(form, size, x, lengths):
    if form.attention == 'plugin':
        return {'x': x, 'lengths': lengths}
    seen = visible(size, x.shape[0], x.shape[1], lengths, form.attention == 'dense')
    mask = torch.where(seen, 0.0, -10000.0).half()[:, None]
    return {'x': x, 'mask': (mask[:, :, :1] if form.attention == 'dense' else mask).contiguous()}


def shapes_of(form, size, shapes):
    for batch, sequence in shapes:
        second = {'plugin': ('lengths', (batch,)), 'dense': ('mask', (batch, 1, 1, sequence)),
                  'window': ('mask', (batch, 1, sequence, sequence))}[form.attention]
        yield {'x': (batch, sequence, size.hidden), second[0]: second[1]}


def engines_of(precision, size, tensors, shapes, asked):
    """{form name: engine}; a form that does not build is told and left out."""
    engines = {}
    for name, form in FORMS[precision].items():
        if asked and name not in asked:
            continue
        print(f'{precision} {name}', flush=True)
        try:
            plan = trt.build(encoder_onnx(size, form, tensors), list(shapes_of(form, size, shapes)))
            engines[name] = trt.RUNTIME.deserialize_cuda_engine(plan)
        except Exception:  # the others are still worth their figures
            traceback.print_exc()
    return engines


def hold_against(expected, got, lengths):
    """(largest error, least cosine of a token) within the lengths."""
    inside = torch.arange(got.shape[1], device='cuda')[None] < lengths[:, None]
    left, right = got.double()[inside], expected[inside]
    cosines = torch.nn.functional.cosine_similarity(left, right, dim=-1)
    return (left - right).abs().max().item(), cosines.min().item()


def measure(precision, engines, size, tensors, shapes, stream, rounds):
    rows = {}
    for profile, (batch, sequence) in enumerate(shapes):
        torch.manual_seed(batch)
        x = torch.randn((batch, sequence, size.hidden), device='cuda').half()
        lengths = torch.full((batch,), sequence, device='cuda', dtype=torch.int32)
        runs = {name: trt.Run(engine, profile, inputs_of(FORMS[precision][name], size, x, lengths), stream)
                for name, engine in engines.items()}
        times = trt.alternate(runs, stream, rounds)
        print(f'{precision} {batch}x{sequence}')
        print('\n'.join(trt.told(times, 'dense')), flush=True)
        lengths.copy_(torch.randint(1, sequence + 1, (batch,), dtype=torch.int32))
        errors = {}
        for name, run in runs.items():
            form = FORMS[precision][name]
            run.tensors[list(run.tensors)[1]].copy_(list(inputs_of(form, size, x, lengths).values())[1])
            seen = visible(size, batch, sequence, lengths, form.attention == 'dense')
            errors[name] = hold_against(reference(size, tensors, x, seen), run.output('y'), lengths)
            print(f'  {name:<28} ragged lengths: error {errors[name][0]:.4f}, least cosine {errors[name][1]:.6f}', flush=True)
        rows[f'{batch}x{sequence}'] = {'ms': times, 'against float64': errors}
    return rows


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('--shapes', default='16x256,8x512,4x1024,1x4096')
    arguments.add_argument('--precisions', default='fp16,int8')
    arguments.add_argument('--forms', help='only these, with commas, dense among them')
    arguments.add_argument('--rounds', type=int, default=120)
    arguments.add_argument('--layers', action='store_true', help='print the layers of each engine at the first shape')
    arguments.add_argument('--json', help='where the figures go as well')
    given = arguments.parse_args()
    print(trt.machine())
    trt.load_plugins()
    size, shapes = Size(), [tuple(map(int, shape.split('x'))) for shape in given.shapes.split(',')]
    tensors, stream, result = weights(size), torch.cuda.Stream(), {}
    for precision in given.precisions.split(','):
        engines = engines_of(precision, size, tensors, shapes, given.forms and given.forms.split(','))
        result[precision] = measure(precision, engines, size, tensors, shapes, stream, given.rounds)
        if given.layers:
            for name, engine in engines.items():
                print(f'layers of {precision} {name}')
                for layer in trt.layers(engine):
                    print('   ', layer['LayerType'], '|', layer['Name'][:110], '|', layer.get('TacticName', '')[:90])
        del engines
    if given.json:
        with open(given.json, 'w') as file:
            json.dump({'machine': trt.machine(), 'result': result}, file)


if __name__ == '__main__':
    main()
