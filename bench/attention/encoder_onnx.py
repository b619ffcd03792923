"""A BERT encoder with random weights as ONNX, once for each way to attend.

Forms (`attention`):
  dense    standard operators, every token sees every token up to its row's length: input mask [B, 1, 1, S]
  window   standard operators with the pattern's mask as input: [B, 1, S, S]
  plugin   the node LocalGlobalAttention: input lengths [B]
INT8 puts Q/DQ where TensorRT takes the products into INT8. `qkv` says what
lies between the projections and the attention: False leaves FP16 there, True puts Q/DQ there (the plugin then takes and
gives INT8). `mixed`: the plugin takes FP16 and gives INT8.
"""
import math
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper


@dataclass(frozen=True)
class Size:
    hidden: int = 768
    heads: int = 12
    wide: int = 3072
    layers: int = 2
    window: int = 64
    globals_: int = 1


@dataclass(frozen=True)
class Form:
    attention: str
    int8: bool = False
    qkv: bool = False
    packed: bool = True
    mixed: bool = False


STEPS = {'input': 0.03, 'qkv': 0.04, 'context': 0.01, 'out': 0.05, 'middle': 0.03, 'gelu': 0.03, 'fed': 0.05}


def weights(size, seed=0):
    """{name: float32 array} of every layer, 2:4 sparse as the project's layers are."""
    random = np.random.default_rng(seed)
    tensors = {}
    for layer in range(size.layers):
        for name, rows, columns in (('qkv', size.hidden, 3 * size.hidden), ('out', size.hidden, size.hidden),
                                    ('up', size.hidden, size.wide), ('down', size.wide, size.hidden)):
            values = random.normal(size=(rows, columns)).astype(np.float32) * 0.03
            groups = np.abs(values).reshape(rows // 4, 4, columns)
            keep = np.ones_like(groups)
            np.put_along_axis(keep, np.argsort(groups, axis=1)[:, :2], 0, axis=1)
            tensors[f'{layer}.{name}'] = (values * keep.reshape(rows, columns)).astype(np.float16).astype(np.float32)
            bias = random.normal(size=columns).astype(np.float32) * 0.01
            tensors[f'{layer}.{name}.bias'] = bias.astype(np.float16).astype(np.float32)
    return tensors


class Writer:
    def __init__(self, size, form, tensors):
        self.size, self.form, self.tensors = size, form, tensors
        self.nodes, self.constants = [], {}

    def constant(self, name, value):
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(np.asarray(value)), name)
        return name

    def node(self, kind, inputs, out, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [out], name=out, **attributes))
        return out

    def quantize(self, x, site):
        parts = [x, self.constant(f'{site}.step', np.float16(STEPS[site])), self.constant('zero', np.int8(0))]
        return self.node('QuantizeLinear', parts, f'{x}.q')

    def dequantize(self, x, site):
        parts = [x, self.constant(f'{site}.step', np.float16(STEPS[site])), self.constant('zero', np.int8(0))]
        return self.node('DequantizeLinear', parts, f'{x}.dq')

    def at(self, x, site):
        return self.dequantize(self.quantize(x, site), site) if self.form.int8 else x

    def product(self, x, layer, name, columns=slice(None), part=''):
        weight, bias = self.tensors[f'{layer}.{name}'][:, columns], self.tensors[f'{layer}.{name}.bias'][columns]
        called = f'L{layer}.{name}{part}'
        if self.form.int8:
            steps = np.maximum(np.abs(weight).max(0), 1e-4) / 127
            stored = np.clip(np.round(weight / steps), -127, 127).astype(np.int8)
            parts = [self.constant(called + '.w', stored), self.constant(called + '.s', steps.astype(np.float16)),
                     self.constant(called + '.z', np.zeros(stored.shape[1], np.int8))]
            matrix = self.node('DequantizeLinear', parts, called + '.w.dq', axis=1)
        else:
            matrix = self.constant(called + '.w', weight.astype(np.float16))
        offset = self.constant(called + '.b', bias.astype(np.float16))
        return self.node('Add', [self.node('MatMul', [x, matrix], called + '.product'), offset], called)

    def norm(self, x, out):
        gain = self.constant('gain', np.ones(self.size.hidden, np.float16))
        shift = self.constant('shift', np.zeros(self.size.hidden, np.float16))
        return self.node('LayerNormalization', [x, gain, shift], out, axis=-1)

    def plugin(self, x, layer):
        h, form = self.size.hidden, self.form
        spans = [slice(0, 3 * h)] if form.packed else [slice(0, 2 * h), slice(2 * h, 3 * h)]
        parts = [self.product(x, layer, 'qkv', span, f'.{i}') for i, span in enumerate(spans)]
        attributes = {'plugin_version': '1', 'heads': self.size.heads, 'windowEachSide': self.size.window,
                      'globalTokens': self.size.globals_, 'scale': 1 / math.sqrt(h / self.size.heads),
                      'packed': int(form.packed)}
        if form.qkv:
            parts = [self.quantize(part, 'qkv') for part in parts]
            attributes |= {'inputScale': float(np.float16(STEPS['qkv'])), 'outputScale': float(np.float16(STEPS['context']))}
        elif form.mixed:
            attributes |= {'outputScale': float(np.float16(STEPS['context']))}
        context = self.node('LocalGlobalAttention', [*parts, 'lengths'], f'L{layer}.context', domain='trt.plugins', **attributes)
        return self.dequantize(context, 'context') if form.qkv or form.mixed else self.at(context, 'context')

    def standard(self, x, layer):
        h, heads = self.size.hidden, self.size.heads
        split = self.constant('split', np.array([0, 0, heads, h // heads], np.int64))
        turned = []
        for i, name in enumerate('qkv'):
            part = self.product(x, layer, 'qkv', slice(i * h, (i + 1) * h), f'.{name}')
            part = self.at(part, 'qkv') if self.form.qkv else part
            part = self.node('Reshape', [part, split], f'L{layer}.{name}.heads')
            turned.append(self.node('Transpose', [part], f'L{layer}.{name}.turned', perm=[0, 2, 3, 1] if name == 'k' else [0, 2, 1, 3]))
        scale = self.constant('scale', np.float16(1 / math.sqrt(h / heads)))
        scores = self.node('MatMul', [self.node('Mul', [turned[0], scale], f'L{layer}.scaled'), turned[1]], f'L{layer}.scores')
        shares = self.node('Softmax', [self.node('Add', [scores, 'mask'], f'L{layer}.masked')], f'L{layer}.shares', axis=-1)
        mixed = self.node('Transpose', [self.node('MatMul', [shares, turned[2]], f'L{layer}.mixed')], f'L{layer}.mixed.turned', perm=[0, 2, 1, 3])
        flat = self.constant('flat', np.array([0, 0, h], np.int64))
        return self.at(self.node('Reshape', [mixed, flat], f'L{layer}.context'), 'context')

    def write(self):
        """The model as bytes: input x [B, S, hidden] FP16 and mask or lengths, output y [B, S, hidden] FP16."""
        states = 'x'
        attend = self.plugin if self.form.attention == 'plugin' else self.standard
        for layer in range(self.size.layers):
            context = attend(self.at(states, 'input'), layer)
            out = self.at(self.product(context, layer, 'out'), 'out')
            middle = self.norm(self.node('Add', [out, states], f'L{layer}.sum'), f'L{layer}.middle')
            wide = self.node('Gelu', [self.product(self.at(middle, 'middle'), layer, 'up')], f'L{layer}.gelu', approximate='tanh')
            fed = self.at(self.product(self.at(wide, 'gelu'), layer, 'down'), 'fed')
            last = layer + 1 == self.size.layers
            states = self.norm(self.node('Add', [fed, middle], f'L{layer}.sum2'), 'y' if last else f'L{layer}.states')
        tensor, half = helper.make_tensor_value_info, TensorProto.FLOAT16
        second = {'plugin': tensor('lengths', TensorProto.INT32, ['B']), 'dense': tensor('mask', half, ['B', 1, 1, 'S']),
                  'window': tensor('mask', half, ['B', 1, 'S', 'S'])}[self.form.attention]
        graph = helper.make_graph(self.nodes, 'encoder', [tensor('x', half, ['B', 'S', self.size.hidden]), second],
                                  [tensor('y', half, ['B', 'S', self.size.hidden])], list(self.constants.values()))
        sets = [helper.make_opsetid('', 20), helper.make_opsetid('trt.plugins', 1)]
        return helper.make_model(graph, opset_imports=sets, ir_version=9).SerializeToString()


def encoder_onnx(size, form, tensors):
    return Writer(size, form, tensors).write()
