import { describe, expect, it } from 'vitest';
import {
  askPlugin,
  bertBase,
  create,
  lastAnswer,
  missingPlugins,
  pluginBuilds,
  steps,
} from '../support/pluginProbe.js';

const types = ['float', 'half', 'int8', 'int32', 'bf16', 'int64'];
const formats = ['linear', 'chw4', 'chw32', 'hwc8'];
const tensors = types.flatMap((type) => formats.map((format) => `${type}/${format}`));

const outputScale = steps['outputScale']!;
const scales = { none: {}, both: steps, output: { outputScale } };

/** What the node takes, written down once more: the first tensor's type rules, lengths are INT32. */
function expected(combination: readonly string[], given: keyof typeof scales): boolean {
  const [first] = combination;
  const typed = first === 'half/linear' || (given === 'both' && first === 'int8/linear');
  const inputs = combination.slice(0, -2);
  const output = given === 'output' ? 'int8/linear' : first;
  const states = inputs.every((tensor) => tensor === first) && combination.at(-1) === output;
  return typed && combination.at(-2) === 'int32/linear' && states;
}

/** Every combination in which at most two tensors differ from one that is taken. */
function combinations(inputs: number): string[][] {
  const taken = ['half half', 'int8 int8', 'half int8'].map((states) => {
    const [state, output] = states.split(' ').map((type) => `${type}/linear`) as [string, string];
    return [...Array.from({ length: inputs - 1 }, () => state), 'int32/linear', output];
  });
  const changed = (from: string[][]) =>
    from.flatMap((one) => one.flatMap((_, at) => tensors.map((tensor) => one.with(at, tensor))));
  const all = changed(changed(taken)).map((one) => one.join(' '));
  return [...new Set(all)].map((one) => one.split(' '));
}

describe.skipIf(missingPlugins)('what tensors LocalGlobalAttention takes', () => {
  describe.each(pluginBuilds)('$folder', (build) => {
    describe.each([
      { packed: 'i=1', inputs: 2 },
      { packed: 'i=0', inputs: 3 },
    ])('with packed:$packed', ({ packed, inputs }) => {
      it.each(['none', 'both', 'output'] as const)(
        'accepts its types in linear format and no others, scales given: %s',
        (given) => {
          const node = create({ ...bertBase, packed, ...scales[given] });
          const table = combinations(inputs);
          const { answers } = askPlugin(build, [node, ...table.map((one) => `supports ${one.join(' ')}`)]);
          const accepted = answers.slice(1).map(({ positions }) => (positions as boolean[]).every(Boolean));
          expect(table.length).toBeGreaterThan(1000);
          expect(accepted).toEqual(table.map((one) => expected(one, given)));
        },
      );
    });

    it.each([
      [bertBase, 'half int32', 1],
      [{ ...bertBase, packed: 'i=0' }, 'half half int32', 1],
      [{ ...bertBase, ...steps }, 'int8 int32', 2],
      [{ ...bertBase, ...steps }, 'half int32', 1],
      [{ ...bertBase, outputScale }, 'half int32', 2],
    ])('gives the type it takes: %o %s', (fields, inputs, output) => {
      expect(lastAnswer(build, create(fields), `types ${inputs}`)).toEqual({ ok: true, output, log: [] });
    });

    it.each([
      [
        'float int32',
        "a tensor of TensorRT's data type 0, expected FP16 (1), or INT8 (2) with inputScale and outputScale",
      ],
      ['int8 int32', 'INT8 inputs need the attributes inputScale and outputScale'],
      ['half int64', 'lengths are not INT32'],
      ['half half int32', '3 inputs with packed 1, expected 2: query-key-value, lengths'],
    ])('refuses the types %s with a reason', (inputs, message) => {
      const answer = lastAnswer(build, create(bertBase), `types ${inputs}`);
      expect(answer.ok).toBe(false);
      expect(answer.log).toEqual([`LocalGlobalAttention node: ${message}`]);
    });

    it.each([
      [bertBase, 'BxSx2304 B', ['B', 'S', '768']],
      [bertBase, 'BxSxC B', ['B', 'S', '(C / 3)']],
      [bertBase, '1x1x2304 1', ['1', '1', '768']],
      [{ ...bertBase, packed: 'i=0' }, 'BxSx1536 BxSx768 B', ['B', 'S', '768']],
      [{ ...bertBase, heads: 'i=24' }, '2x8192x2304 2', ['2', '8192', '768']],
    ])('gives [batch, sequence, hidden]: %o %s', (fields, inputs, output) => {
      expect(lastAnswer(build, create(fields), `shapes ${inputs}`)).toEqual({ ok: true, output, log: [] });
    });

    it.each([
      [bertBase, 'BxSx2304 BxSx768 B', /3 inputs with packed 1, expected 2/],
      [{ ...bertBase, packed: 'i=0' }, 'BxSx1536 B', /2 inputs with packed 0, expected 3/],
      [
        bertBase,
        'BxSx1x2304 B',
        /input 0 .* is \[-1, -1, 1, 2304\], expected \[batch, sequence, 3 \* hidden\]/,
      ],
      [bertBase, 'BxSx2303 B', /is \[-1, -1, 2303\] with 12 heads, expected .* a head size of 32, 64 or 128/],
      [{ ...bertBase, heads: 'i=16' }, 'BxSx2304 B', /with 16 heads, expected .* head size of 32, 64 or 128/],
      [bertBase, '1x8193x2304 1', /expected a sequence of at most 8192/],
      [
        { ...bertBase, packed: 'i=0' },
        'BxSx1536 BxSx1536 B',
        /input 1 \(value\) .* expected .* half the columns/,
      ],
      [{ ...bertBase, packed: 'i=0' }, '2xSx1536 3xSx768 2', /input 1 \(value\) .* the same batch/],
      [bertBase, '2xSx2304 3', /lengths are \[3\] beside input 0 of \[2, -1, 2304\], expected \[batch\]/],
      [bertBase, '2xSx2304 2x1', /lengths are \[2, 1\]/],
    ])('refuses shapes that do not fit, and says which: %o %s', (fields, inputs, message) => {
      const answer = lastAnswer(build, create(fields), `shapes ${inputs}`);
      expect(answer.ok).toBe(false);
      expect(answer.log).toEqual([expect.stringMatching(message)]);
    });

    it('checks the largest shape of a profile before anything is built for it', () => {
      const { answers } = askPlugin(build, [
        create(bertBase),
        'configure 4x8192x2304 4',
        'configure 4x8193x2304 4',
      ]);
      expect(answers.map(({ ok }) => ok)).toEqual([true, true, false]);
    });

    it('asks for a workspace that does not grow with the square of the sequence', () => {
      const bytes = (sequence: number) =>
        lastAnswer(build, create({ ...bertBase, globalTokens: 'i=64' }), `workspace 4x${sequence}x2304 4`)[
          'bytes'
        ] as number;
      expect(bytes(8192)).toBeLessThanOrEqual(2 * bytes(4096));
      expect(bytes(8192)).toBeGreaterThanOrEqual(bytes(4096));
    });
  });
});
