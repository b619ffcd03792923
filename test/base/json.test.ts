import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/base/index.js';

const parse = (text: string, maxDepth?: number) =>
  parseJson(text, { name: 'data.json', ...(maxDepth !== undefined && { maxDepth }) });

describe('JSON of others', () => {
  test.each([
    '{"a": [1, -2.5e3, "x\\"}{", true, null], "b": {"a": {}}}',
    '[{"a":1},{"a":2}]',
    '"{\\"a\\":1,\\"a\\":2}"',
    '{"a":"b","b":"a","\\u0063":":","d":["a","a"]}',
    ' {\n"a" \t:\r\n"a"\n} ',
    '7',
  ])('reads %s as JSON.parse does', (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  test.each([
    ['a broken text', '{"a":', /^data\.json is not valid JSON: /],
    ['a key twice', '{"a":1,"b":{"a":1},"a":2}', /^data\.json has the key "a" twice in one object\.$/],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}', /the key "a" twice/],
    ['a key twice behind a string with a brace', '{"x":"}","a":1,"a":2}', /the key "a" twice/],
    ['__proto__', '{"a":{"__proto__":{}}}', /^data\.json uses the key "__proto__"/],
    ['__proto__, escaped', '{"\\u005f_proto__":1}', /uses the key "__proto__"/],
  ])('refuses %s', (_, text, sentence) => {
    expect(() => parse(text)).toThrow(sentence);
  });

  test('nests as deep as allowed and no deeper', () => {
    expect(parse('[[{"a":[]}]]', 4)).toEqual([[{ a: [] }]]);
    expect(() => parse('[[{"a":[[]]}]]', 4)).toThrow('data.json nests deeper than 4 levels.');
    expect(() => parse('['.repeat(100_000) + ']'.repeat(100_000))).toThrow('nests deeper than 64 levels');
  });

  test('refuses bytes that are not UTF-8', () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xc3, 0x28, 0x22), { name: 'data.json' })).toThrow(
      'data.json is not valid UTF-8.',
    );
  });
});
