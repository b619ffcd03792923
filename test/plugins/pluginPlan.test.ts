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

const int8 = { ...bertBase, ...steps };
const mixed = { ...bertBase, outputScale: steps['outputScale']! };
const written = {
  format: 1,
  heads: 12,
  windowEachSide: 64,
  globalTokens: 1,
  scale: 0.125,
  packed: 1,
  inputScale: 0.04,
  outputScale: 0.01,
};

describe.skipIf(missingPlugins)('LocalGlobalAttention in a plan', () => {
  describe.each(pluginBuilds)('$folder', (build) => {
    it('writes its format and every attribute', () => {
      expect(lastAnswer(build, create(int8), 'plan')['fields']).toEqual(written);
    });

    it('writes no scales where the node has none', () => {
      const { inputScale, outputScale, ...rest } = written;
      expect([inputScale, outputScale]).toEqual([0.04, 0.01]);
      expect(lastAnswer(build, create(bertBase), 'plan')['fields']).toEqual(rest);
    });

    it('writes the scale of its output alone where the node has no other', () => {
      const { inputScale, ...rest } = written;
      expect(inputScale).toBe(0.04);
      expect(lastAnswer(build, create(mixed), 'plan')['fields']).toEqual(rest);
    });

    it.each([
      ['FP16', bertBase],
      ['INT8', int8],
      ['FP16 to INT8', mixed],
    ])('comes back from a plan as it went in: %s', (_, fields) => {
      const { answers } = askPlugin(build, [create(fields), 'plan', 'reload', 'plan', 'clone', 'plan']);
      const [, before, , reloaded, , cloned] = answers;
      expect(answers.map(({ ok }) => ok)).toEqual(Array(6).fill(true));
      expect(reloaded!['fields']).toEqual(before!['fields']);
      expect(cloned!['fields']).toEqual(before!['fields']);
    });

    it.each([
      [
        'a later format',
        { format: 'i=2', ...int8 },
        /the plan is of format 2, this library reads format 1: build the engine again/,
      ],
      ['no format', int8, /attribute format is missing/],
      [
        'a field it does not know',
        { format: 'i=1', ...int8, rotary: 'i=1' },
        /attribute rotary is not known/,
      ],
      ['a value out of range', { format: 'i=1', ...int8, heads: 'i=-12' }, /attribute heads is -12/],
    ])('refuses a plan with %s', (_, fields, message) => {
      const answer = lastAnswer(build, create(fields, 'plan'));
      expect(answer.ok).toBe(false);
      expect(answer.log).toEqual([expect.stringMatching(message)]);
    });

    it('describes itself without quotes, which the engine inspector would not escape', () => {
      const { metadata } = lastAnswer(build, create(int8), 'metadata');
      expect(metadata).toBe(
        'heads 12, windowEachSide 64, globalTokens 1, scale 0.125, packed 1, inputScale 0.0399999991, outputScale 0.00999999978',
      );
      expect(metadata).not.toMatch(/["\\]/);
    });

    it('does not take a node for a plan: its format is no attribute', () => {
      expect(lastAnswer(build, create({ format: 'i=1', ...bertBase })).log).toEqual([
        'LocalGlobalAttention node: attribute format is not known',
      ]);
    });
  });
});
