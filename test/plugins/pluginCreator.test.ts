import { describe, expect, it } from 'vitest';
import {
  bertBase,
  create,
  lastAnswer,
  missingPlugins,
  pluginBuilds,
  steps,
  type Fields,
} from '../support/pluginProbe.js';

const without = (name: string, fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name));

describe.skipIf(missingPlugins)('the creator of LocalGlobalAttention', () => {
  describe.each(pluginBuilds)('$folder', (build) => {
    it('is registered as the graph builder writes the node', () => {
      expect(lastAnswer(build, 'creator')).toEqual({
        name: 'LocalGlobalAttention',
        version: '1',
        namespace: '',
        fields: ['heads', 'windowEachSide', 'globalTokens', 'scale', 'packed', 'inputScale', 'outputScale'],
        log: [],
      });
    });

    it.each([
      ['FP16', bertBase],
      ['INT8', { ...bertBase, ...steps }],
      ['dense attention', { ...bertBase, windowEachSide: 'i=-1' }],
      ['each token on its own', { ...bertBase, windowEachSide: 'i=0', globalTokens: 'i=0' }],
      ['value apart', { ...bertBase, packed: 'i=0' }],
    ])('makes a plugin for %s', (_, fields) => {
      expect(lastAnswer(build, create(fields))).toEqual({ ok: true, log: [] });
    });

    it.each(Object.keys(bertBase))('refuses a node without %s', (name) => {
      expect(lastAnswer(build, create(without(name, bertBase)))).toEqual({
        ok: false,
        log: [`LocalGlobalAttention node: attribute ${name} is missing`],
      });
    });

    it.each([
      ['heads', 'i=0', 'attribute heads is 0, expected 1 or more'],
      ['windowEachSide', 'i=-2', 'attribute windowEachSide is -2, expected -1 or more'],
      ['globalTokens', 'i=-1', 'attribute globalTokens is -1, expected 0 or more'],
      ['scale', 'f=0', 'attribute scale is 0.000000, expected a number above 0'],
      ['scale', 'f=nan', 'attribute scale is nan, expected a number above 0'],
      ['packed', 'i=2', 'attribute packed is 2, expected 0 or 1'],
      ['inputScale', 'f=-0.1', 'attribute inputScale is -0.100000, expected a number above 0'],
      ['outputScale', 'f=inf', 'attribute outputScale is inf, expected a number above 0'],
      ['heads', 'f=12', 'attribute heads is of type 1, length 1, expected one 32-bit integer'],
      ['heads', 'l=12', 'attribute heads is of type 10, length 1, expected one 32-bit integer'],
      ['scale', 'i=1', 'attribute scale is of type 5, length 1, expected one 32-bit float'],
      ['dropout', 'f=0.1', 'attribute dropout is not known'],
    ])('refuses %s:%s and says what it expected', (name, value, message) => {
      const answer = lastAnswer(build, create({ ...bertBase, ...steps, [name]: value }));
      expect(answer).toEqual({ ok: false, log: [`LocalGlobalAttention node: ${message}`] });
    });

    it('refuses a scale of the input without one of the output', () => {
      const answer = lastAnswer(build, create(without('outputScale', { ...bertBase, ...steps })));
      expect(answer.ok).toBe(false);
      expect(answer.log).toEqual([expect.stringContaining('inputScale is there without outputScale')]);
    });
  });
});
