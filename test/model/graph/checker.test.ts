import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { encoderToOnnx, headToOnnx, type EncoderGraphOptions } from '../../../src/model/index.js';
import { missingPython, runPython } from '../../support/python.js';
import { randomEncoder } from '../../support/randomEncoder.js';

const missing = missingPython('onnx');
const script = new URL('../../python/check_onnx.py', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'intentd-onnx-'));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const int8 = randomEncoder({ kind: 'int8' });
const sparse = randomEncoder({ kind: 'int8', sparse: () => true });
const float = randomEncoder({ architecture: { pooling: 'cls', normalize: false } });

const graphs: Record<string, () => Uint8Array> = {
  head: () =>
    headToOnnx(
      {
        hidden: { weight: new Float32Array(64), bias: new Float32Array(8), size: 8, activation: 'gelu' },
        output: { weight: new Float32Array(40), bias: new Float32Array(5) },
        intents: 4,
        background: 1,
      },
      8,
    ),
};
const forms: EncoderGraphOptions[] = [
  { precision: 'int8', attention: 'plugin' },
  { precision: 'int8', attention: 'standard' },
  { precision: 'int8', attention: 'onnxruntime', weights: 'u8s8' },
  { precision: 'int8', attention: 'onnxruntime', weights: 'u8u8' },
  { precision: 'fp16', attention: 'plugin' },
  { precision: 'fp16', attention: 'standard' },
  { precision: 'fp32', attention: 'standard' },
  { precision: 'fp32', attention: 'onnxruntime' },
];
for (const options of forms) {
  const name = Object.values(options).join('-');
  graphs[`${name}-dense-value`] = () => encoderToOnnx(int8, options);
  if (options.precision === 'int8') graphs[`${name}-sparse-value`] = () => encoderToOnnx(sparse, options);
  else graphs[`${name}-cls`] = () => encoderToOnnx(float, options);
}

describe.skipIf(missing)(`the checker of the onnx package${missing ? ` (${missing})` : ''}`, () => {
  it('finds every graph clean', () => {
    const files = Object.entries(graphs).map(([name, write]) => {
      const file = join(folder, `${name}.onnx`);
      writeFileSync(file, write());
      return file;
    });
    expect(runPython(script, files).trim().split('\n')).toHaveLength(files.length);
  });

  it('is not blind: a graph with a wrong type fails it', () => {
    const file = join(folder, 'wrong.onnx');
    const bytes = Buffer.from(encoderToOnnx(int8, { precision: 'fp32', attention: 'standard' }));
    const wrong = bytes.toString('latin1').replace('LayerNormalization', 'LayerNormalisation');
    writeFileSync(file, Buffer.from(wrong, 'latin1'));
    expect(() => runPython(script, [file])).toThrow(/LayerNormalisation/);
  });
});
