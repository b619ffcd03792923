import { describe, expect, it } from 'vitest';
import { encoderToOnnx, type Encoder, type LinearName } from '../../../src/model/index.js';
import { randomEncoder } from '../../support/randomEncoder.js';
import { attributesOf, ReadGraph } from './readGraph.js';

const planned: readonly LinearName[] = ['attention.output', 'attention.value', 'intermediate', 'output'];
const sparse = randomEncoder({ kind: 'int8', sparse: (_, linear) => planned.includes(linear) });
const dense = randomEncoder({ kind: 'int8' });

const written = (encoder: Encoder, ...[options]: [Parameters<typeof encoderToOnnx>[1]]): ReadGraph =>
  new ReadGraph(encoderToOnnx(encoder, options));

describe('INT8 weights of the planned layers', () => {
  it('are 2:4 along the inputs with standard attention', () => {
    const graph = written(sparse, { precision: 'int8', attention: 'standard' });
    for (const layer of [0, 1]) {
      for (const linear of planned) {
        const { data, shape } = graph.int8s(`layer.${layer}.${linear}.weight`);
        expect(leastZerosInFour(data, shape[0]!, shape[1]!, 0, shape[1]!)).toBeGreaterThanOrEqual(2);
      }
    }
    const { data, shape } = graph.int8s('layer.0.attention.query.weight');
    expect(leastZerosInFour(data, shape[0]!, shape[1]!, 0, shape[1]!)).toBeLessThan(2);
  });

  it.each(['plugin', 'onnxruntime'] as const)(
    'are 2:4 along the inputs for %s, value among query and key',
    (attention) => {
      const graph = written(sparse, { precision: 'int8', attention });
      for (const linear of planned.filter((name) => name !== 'attention.value')) {
        const { data, shape } = graph.int8s(`layer.1.${linear}.weight`);
        expect(leastZerosInFour(data, shape[0]!, shape[1]!, 0, shape[1]!)).toBeGreaterThanOrEqual(2);
      }
      const { data, shape } = graph.int8s('layer.1.attention.queryKeyValue.weight');
      const { hidden } = sparse.architecture;
      expect(leastZerosInFour(data, shape[0]!, shape[1]!, 2 * hidden, 3 * hidden)).toBeGreaterThanOrEqual(2);
      expect(leastZerosInFour(data, shape[0]!, shape[1]!, 0, hidden)).toBeLessThan(2);
    },
  );
});

describe('the attention node for TensorRT', () => {
  const attributes = {
    plugin_version: '1',
    heads: 4,
    windowEachSide: 64,
    globalTokens: 1,
    scale: Math.fround(1 / Math.sqrt(8)),
  };

  it.each([
    ['2:4', sparse],
    ['dense', dense],
  ])('takes query, key and value packed in FP16 and gives INT8 with its step, value %s', (_, encoder) => {
    const graph = written(encoder, { precision: 'int8', attention: 'plugin' });
    const nodes = graph.nodes('LocalGlobalAttention');
    expect(nodes).toHaveLength(2);
    const [node] = nodes;
    expect(node!.domain).toBe('trt.plugins');
    expect(node!.input).toHaveLength(2);
    expect(node!.input![1]).toBe('lengths');
    const { outputScale, ...rest } = attributesOf(node!);
    expect(rest).toEqual({ ...attributes, packed: 1 });
    expect(outputScale).toBeCloseTo(encoder.layers[0]!.activation!.context, 4);
    expect(graph.maker(node!.input![0])?.opType).toBe('Add');
    expect(graph.int8s('layer.0.attention.queryKeyValue.weight').shape).toEqual([32, 96]);
    const after = graph.model.graph!.node!.find(({ input }) => input?.[0] === node!.output![0]);
    expect(after?.opType).toBe('DequantizeLinear');
  });

  it('has no steps in FP16', () => {
    const graph = written(randomEncoder(), { precision: 'fp16', attention: 'plugin' });
    const node = graph.nodes('LocalGlobalAttention')[0]!;
    expect(attributesOf(node)).toEqual({ ...attributes, packed: 1 });
    expect(graph.nodes('QuantizeLinear')).toHaveLength(0);
  });
});

describe('the INT8 graph for TensorRT', () => {
  it('quantizes every product on both sides but what attention takes, symmetrically, with FP16 scales', () => {
    const graph = written(sparse, { precision: 'int8', attention: 'plugin' });
    const products = graph.nodes('MatMul').filter(({ name }) => name?.startsWith('layer.'));
    expect(products).toHaveLength(2 * 4);
    for (const product of products) {
      expect(graph.maker(product.input![0])?.opType).toBe('DequantizeLinear');
      const weights = graph.maker(product.input![1])!;
      expect(weights.opType).toBe('DequantizeLinear');
      expect(attributesOf(weights)).toEqual({ axis: 1 });
      expect(graph.initializer(weights.input![1]!).dataType).toBe(10);
      expect(graph.int8s(weights.input![2]!).data.every((zero) => zero === 0)).toBe(true);
    }
    // Intermediate's output is quantized behind its activation function.
    const quantized = new Set(graph.nodes('QuantizeLinear').map(({ input }) => input![0]));
    for (const linear of ['attention.output', 'output']) {
      expect(quantized).toContain(`layer.0.${linear}`);
    }
    expect(quantized).toContain('layer.0.activation');
  });
});

describe('a graph', () => {
  it('declares its inputs and outputs with open batch and sequence, operator set 20', () => {
    const { model } = written(sparse, { precision: 'int8', attention: 'plugin' });
    const shapes = [...model.graph!.input!, ...model.graph!.output!].map(({ name, type }) => [
      name,
      type!.tensorType!.elemType,
      type!.tensorType!.shape!.dim!.map(({ dimParam, dimValue }) => dimParam ?? Number(dimValue)),
    ]);
    expect(shapes).toEqual([
      ['tokens', 6, ['B', 'S']],
      ['lengths', 6, ['B']],
      ['embedding', 1, ['B', 32]],
    ]);
    expect(Number(model.irVersion)).toBeLessThanOrEqual(10);
    expect(model.opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual([
      ['', 20],
      ['trt.plugins', 1],
    ]);
  });

  it('keeps the word table INT8 for ONNX Runtime', () => {
    const graph = written(sparse, { precision: 'int8', attention: 'onnxruntime' });
    expect(graph.initializer('embeddings.word.weight').dataType).toBe(3);
  });
});

describe('asking for a graph that cannot be', () => {
  it.each([
    [{ precision: 'fp32', attention: 'plugin' }, 'bad_graph_options'],
    [{ precision: 'fp16', attention: 'onnxruntime' }, 'bad_graph_options'],
    [{ precision: 'int8', attention: 'standard' }, 'not_quantized'],
  ] as const)('is refused: %o', (options, code) => {
    expect(() => encoderToOnnx(randomEncoder(), options)).toThrow(expect.objectContaining({ code }));
  });

  it('names the site that has no step', () => {
    const layers = sparse.layers.map((layer, index) =>
      index === 1 ? { ...layer, activation: { ...layer.activation!, context: 0 } } : layer,
    );
    expect(() => encoderToOnnx({ ...sparse, layers }, { precision: 'int8', attention: 'standard' })).toThrow(
      /layer\.1\.activation\.context/,
    );
  });
});

/** Of every four weights in a row down a column, how many zeros the poorest four have. */
function leastZerosInFour(data: Int8Array, rows: number, columns: number, from: number, to: number): number {
  let least = 4;
  for (let column = from; column < to; column++) {
    for (let row = 0; row < rows; row += 4) {
      const zeros = [0, 1, 2, 3].filter((i) => data[(row + i) * columns + column] === 0).length;
      least = Math.min(least, zeros);
    }
  }
  return least;
}
