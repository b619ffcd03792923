#!/usr/bin/env python3
"""The default model's whole encoder inside TensorRT: the plugin's attention against standard operators.

    for a in plugin standard; do for p in int8 fp16; do
      node dist/main.js model compile BUNDLE --attention $a --precision $p --out DIR/$a-$p.onnx --head-out DIR/head.onnx
    done; done
    node bench/attention/golden_tokens.mjs BUNDLE > DIR/golden.json
    INTENTD_TRT=... LD_LIBRARY_PATH=... python3 bench/attention/default_model.py DIR

Prints GPU time of one CUDA-graph replay of each engine, taken in turns; which layers TensorRT made of an INT8 layer;
and what the golden utterances become: accuracy in scope, and agreement with the FP16 engine of standard operators.
`no qkv Q/DQ` and `fp16 inside` leave the projections' outputs in FP16 (placement.py).
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
from placement import plugin_fp16_inside, standard_without_qkv_steps

LONGEST = 32  # tokens of a golden utterance
BATCH = 16


def contenders(folder):
    """{name: (ONNX, sparse tactics allowed)}"""
    def read(name):
        with open(os.path.join(folder, name + '.onnx'), 'rb') as file:
            return file.read()
    standard, plugin = read('standard-int8'), read('plugin-int8')
    return {
        'fp16 standard': (read('standard-fp16'), False),
        'fp16 plugin': (read('plugin-fp16'), False),
        'int8 standard': (standard, True),
        'int8 standard, no qkv Q/DQ': (standard_without_qkv_steps(standard), True),
        'int8 plugin': (plugin, True),
        'int8 plugin, fp16 inside': (plugin_fp16_inside(plugin), True),
    }


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
    arguments.add_argument('--json', help='where the figures go as well')
    given = arguments.parse_args()
    print(trt.machine())
    trt.load_plugins()
    shapes = [tuple(map(int, shape.split('x'))) for shape in given.shapes.split(',')]
    profiles = [{'tokens': (b, s), 'lengths': (b,)} for b, s in [*shapes, (BATCH, LONGEST)]]
    engines, stream, result = {}, torch.cuda.Stream(), {}
    for name, (onnx, sparse) in contenders(given.folder).items():
        print(name, flush=True)
        try:
            engines[name] = trt.RUNTIME.deserialize_cuda_engine(trt.build(onnx, profiles, sparse))
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
    result['golden'] = golden(given.folder, engines, len(shapes), stream)
    for name, engine in engines.items():
        print_layers(name, engine)
    if given.json:
        with open(given.json, 'w') as file:
            json.dump({'machine': trt.machine(), 'result': result}, file)


if __name__ == '__main__':
    main()
