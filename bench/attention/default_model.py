#!/usr/bin/env python3
"""The default model's whole encoder inside TensorRT: the plugin's attention against standard operators.

    node bench/attention/write_default_model.mjs models/clinc150-minilm-l6 DIR
    BENCH_TENSORRT=... LD_LIBRARY_PATH=... python3 bench/attention/default_model.py DIR

Prints GPU time of one CUDA-graph replay of each engine, taken in turns; the kernels of a replay with their times; and
what the golden utterances become: accuracy in scope, and agreement with the FP16 engine of standard operators.
`sparse` allows sparse tactics; `one stream` lets no layer run beside another.
"""
import argparse
import json
import os
import traceback

import numpy as np
import torch
from onnx import load
from onnx.reference import ReferenceEvaluator

import trt

LONGEST = 32  # tokens of a golden utterance
BATCH = 16


def contenders(folder, asked):
    """{name: (ONNX, how to build it)}"""
    def read(name):
        with open(os.path.join(folder, name + '.onnx'), 'rb') as file:
            return file.read()
    sparse, alone = {'sparse': True}, {'one_stream': True}
    known = {
        'fp16 standard': (read('standard-fp16'), {}),
        'int8 standard': (read('standard-int8'), {}),
        'int8 standard, sparse': (read('standard-int8'), sparse),
        'int8 plugin': (read('plugin-int8'), {}),
        'int8 plugin, sparse': (read('plugin-int8'), sparse),
        'fp16 plugin': (read('plugin-fp16'), {}),
        'int8 plugin, sparse, one stream': (read('plugin-int8'), sparse | alone),
    }
    return {name: one for name, one in known.items() if not asked or name in asked}


def print_kernels(name, run, stream):
    told = trt.kernels(run, stream)
    print(f'kernels of {name}: {len(told)}, {sum(us for us, _ in told):.1f} us of work')
    for us, kernel in told:
        print(f'    {us:7.2f}  {kernel[:150]}')


def print_layers(name, engine):
    told = trt.layers(engine)
    print(f'layers of {name}: {len(told)}')
    for layer in told:
        if 'layer.0' in layer['Name'] or 'layer.1.' in layer['Name'] or 'mha' in layer.get('TacticName', ''):
            print('   ', layer['LayerType'], '|', layer['Name'][:130], '|', layer.get('TacticName', '')[:80])


def embeddings(run, utterances):
    """[utterances, hidden] through one engine, in batches of BATCH padded to LONGEST."""
    rows = []
    for at in range(0, len(utterances), BATCH):
        tokens = torch.zeros((BATCH, LONGEST), dtype=torch.int32)
        lengths = torch.ones(BATCH, dtype=torch.int32)
        batch = utterances[at:at + BATCH]
        for row, ids in enumerate(batch):
            tokens[row, :len(ids)] = torch.tensor(ids, dtype=torch.int32)
            lengths[row] = len(ids)
        run.tensors['tokens'].copy_(tokens)
        run.tensors['lengths'].copy_(lengths)
        rows.append(run.output('embedding').float().cpu().numpy()[:len(batch)])
    return np.concatenate(rows)


def golden(folder, engines, profile, stream):
    with open(os.path.join(folder, 'golden.json')) as file:
        told = json.load(file)
    head = ReferenceEvaluator(load(os.path.join(folder, 'head.onnx')))
    utterances = [one['ids'][:LONGEST] for one in told['utterances']]
    intents = np.array([one['intent'] for one in told['utterances']])
    answers, result = {}, {}
    for name, engine in engines.items():
        inputs = {'tokens': torch.zeros((BATCH, LONGEST), device='cuda', dtype=torch.int32),
                  'lengths': torch.ones(BATCH, device='cuda', dtype=torch.int32)}
        vectors = embeddings(trt.Run(engine, profile, inputs, stream), utterances)
        best = head.run(None, {'embedding': vectors})[0][:, :told['intents']].argmax(1)
        answers[name] = vectors, best
        scope = intents >= 0
        first, first_best = answers[next(iter(answers))]
        cosine = (vectors * first).sum(1) / np.linalg.norm(vectors, axis=1) / np.linalg.norm(first, axis=1)
        result[name] = {'accuracy': float((best == intents)[scope].mean()), 'agreement': float((best == first_best).mean()),
                        'least cosine': float(cosine.min()), 'mean cosine': float(cosine.mean())}
        print(f'  golden {name:<28} ' + ', '.join(f'{key} {value:.4f}' for key, value in result[name].items()), flush=True)
    return result


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument('folder')
    arguments.add_argument('--shapes', default='1x16,16x16')
    arguments.add_argument('--rounds', type=int, default=300)
    arguments.add_argument('--only', help='these contenders, with semicolons')
    arguments.add_argument('--layers', action='store_true', help='print which layers TensorRT made')
    arguments.add_argument('--json', help='where the figures go as well')
    given = arguments.parse_args()
    print(trt.machine())
    trt.load_plugins()
    shapes = [tuple(map(int, shape.split('x'))) for shape in given.shapes.split(',')]
    profiles = [{'tokens': (b, s), 'lengths': (b,)} for b, s in [*shapes, (BATCH, LONGEST)]]
    engines, stream, result, kept = {}, torch.cuda.Stream(), {}, {}
    for name, (onnx, how) in contenders(given.folder, given.only and given.only.split(';')).items():
        print(name, flush=True)
        try:
            engines[name] = trt.RUNTIME.deserialize_cuda_engine(trt.build(onnx, profiles, **how))
        except Exception:  # the others are still worth their figures
            traceback.print_exc()
    for profile, (batch, sequence) in enumerate(shapes):
        torch.manual_seed(0)
        tokens = torch.randint(1000, 20000, (batch, sequence), device='cuda', dtype=torch.int32)
        lengths = torch.full((batch,), sequence, device='cuda', dtype=torch.int32)
        runs = {name: trt.Run(engine, profile, {'tokens': tokens, 'lengths': lengths}, stream) for name, engine in engines.items()}
        times = trt.alternate(runs, stream, given.rounds)
        print(f'{batch}x{sequence}')
        print('\n'.join(trt.told(times, next(iter(times)))), flush=True)
        result[f'{batch}x{sequence}'] = times
        kept[batch, sequence] = runs
    result['golden'] = golden(given.folder, engines, len(shapes), stream)
    for name, run in kept[shapes[0]].items():
        try:
            print_kernels(name, run, stream)
        except Exception:  # a machine that lets nobody profile still has its times
            traceback.print_exc()
    if given.layers:
        for name, engine in engines.items():
            print_layers(name, engine)
    if given.json:
        with open(given.json, 'w') as file:
            json.dump({'machine': trt.machine(), 'result': result}, file)


if __name__ == '__main__':
    main()
