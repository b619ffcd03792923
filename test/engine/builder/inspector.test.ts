import { describe, expect, it } from 'vitest';
import { countProducts, parseInspection, plannedLayers } from '../../../src/engine/builder/inspector.js';

// Of the form that TensorRT documents for its inspector, cut down to what is read.
const json = JSON.stringify({
  Layers: [
    'a layer without details',
    {
      Name: 'layer.0.intermediate.product',
      LayerType: 'gemm',
      TacticName: 'sm80_xmma_gemm_sparse_i8i8_i8i32_f32_tn_n_tilesize64x64x128',
      Metadata: '[ONNX Layer: layer.0.intermediate.product]',
      Outputs: [{ 'Format/Datatype': 'Int8' }],
    },
    {
      Name: 'layer.0.intermediate.product [profile 1]',
      LayerType: 'gemm',
      TacticName: 'sm80_xmma_gemm_i8i8_i8i32_f32_tn_n_tilesize64x64x64',
      Metadata: '[ONNX Layer: layer.0.intermediate.product]',
      Outputs: [{ 'Format/Datatype': 'Row major Int8 format' }],
    },
    {
      Name: 'fused',
      TacticName: '_gemm_mha_v2_0x1',
      Metadata: '[ONNX Layer: layer.0.attention.scores]',
      Outputs: [{ 'Format/Datatype': 'Half' }],
    },
    {
      Name: 'qk',
      TacticName: 'sm80_xmma_gemm_i8i8',
      Metadata: '[ONNX Layer: layer.0.attention.queryKey.product]',
      Outputs: [{ 'Format/Datatype': 'Int8' }],
    },
  ],
});

describe('the inspection of an engine', () => {
  it('tells precision, tactic and profile of each layer', () => {
    const layers = parseInspection(json);
    expect(layers.map(({ precision, sparse, profile }) => [precision, sparse, profile])).toEqual([
      ['Int8', true, 0],
      ['Int8', false, 1],
      ['Half', false, 0],
      ['Int8', false, 0],
    ]);
    expect(layers[3]!.linears).toEqual(['layer.0.attention.query', 'layer.0.attention.key']);
  });

  it('counts products, and fused attention is none', () => {
    expect(countProducts(parseInspection(json))).toEqual({ all: 3, sparse: 1 });
  });

  it('says of each planned layer in which profiles it runs sparse', () => {
    const names = ['layer.0.intermediate', 'layer.0.output'];
    expect(plannedLayers(parseInspection(json), names, 2)).toEqual([
      { name: 'layer.0.intermediate', sparse: [true, false] },
      { name: 'layer.0.output', sparse: [false, false] },
    ]);
  });

  it.each(['', '[]', '{"Layers": 1}'])('refuses what is no inspection: %s', (text) => {
    expect(() => parseInspection(text)).toThrow("TensorRT's inspector");
  });
});
