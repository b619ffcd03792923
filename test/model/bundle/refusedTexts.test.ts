import { describe, test } from 'vitest';
import { tinyTokenizerJson } from '../../support/tinyBundle.js';
import { expectRefusal, freshBundle, replaceFile } from '../../support/spoiledBundle.js';

const fresh = freshBundle();

describe('a bundle is refused for its labels:', () => {
  const cases: [string, unknown, RegExp][] = [
    ['a slash', { intents: ['a', 'b/c'] }, /intents\[1\] holds "\/", "\+", "#" or a control character/],
    ['a plus sign', { intents: ['a+'] }, /intents\[0\] holds/],
    ['a number sign', { intents: ['#'] }, /intents\[0\] holds/],
    ['NUL', { intents: ['a\0b'] }, /intents\[0\] holds/],
    ['half of a surrogate pair', { intents: ['a\ud800'] }, /intents\[0\] holds half of a surrogate pair/],
    ['an empty one', { intents: ['a', ''] }, /intents\[1\] is empty/],
    ['white space around one', { intents: [' a'] }, /intents\[0\] begins or ends with white space/],
    ['one that is too long', { intents: ['a'.repeat(129)] }, /intents\[0\] is longer than 128 characters/],
    ['a duplicate', { intents: ['a', 'b', 'a'] }, /intents\[2\] repeats intents\[0\], "a"/],
    ['none at all', { intents: [] }, /intents must be at least 1 elements, not \[\]/],
    ['a number', { intents: ['a', 3] }, /intents\[1\] must be of type string, not 3/],
    ['an unknown field', { intents: ['a'], more: 1 }, /"more" is not a known field/],
  ];
  test.each(cases)('%s', async (_, labels, sentence) => {
    await replaceFile(fresh.folder, 'labels.json', JSON.stringify(labels));
    await expectRefusal(fresh.folder, new RegExp(`labels\\.json: ${sentence.source}`));
  });
});

describe('a bundle is refused for its tokenizer:', () => {
  type Vocabulary = Record<string, unknown>;
  const cases: [string, (tokenizer: Record<string, unknown>, vocab: Vocabulary) => void, RegExp][] = [
    [
      'a vocabulary that is smaller than the encoder has',
      (_, vocab) => {
        delete vocab['##ing'];
      },
      /has 107 tokens, and architecture\.vocabulary is 108/,
    ],
    [
      'a vocabulary that is larger than the encoder has',
      (_, vocab) => {
        vocab['more'] = 108;
      },
      /token "more" has id 108, outside of architecture\.vocabulary 108/,
    ],
    [
      'a negative id',
      (_, vocab) => {
        vocab['what'] = -1;
      },
      /token "what" has id -1, outside/,
    ],
    [
      'a broken id',
      (_, vocab) => {
        vocab['what'] = 1.5;
      },
      /token "what" has id 1\.5, outside/,
    ],
    [
      'text as an id',
      (_, vocab) => {
        vocab['what'] = '7';
      },
      /token "what" has no number as its id/,
    ],
    [
      'two tokens of one id',
      (_, vocab) => {
        vocab['what'] = vocab['is'];
      },
      /two tokens have the id/,
    ],
    [
      'an added token beyond the vocabulary',
      (tokenizer) => {
        (tokenizer['added_tokens'] as unknown[]).push({ id: 108, content: '[X]' });
      },
      /token "\[X\]" has id 108, outside/,
    ],
    [
      'an added token of another id than the vocabulary says',
      (tokenizer) => {
        (tokenizer['added_tokens'] as unknown[]).push({ id: 5, content: '[CLS]' });
      },
      /added token "\[CLS\]" has id 5, and model\.vocab says 2/,
    ],
    [
      'no vocabulary',
      (tokenizer) => {
        tokenizer['model'] = {};
      },
      /model\.vocab must be an object/,
    ],
  ];
  test.each(cases)('%s', async (_, edit, sentence) => {
    const tokenizer = structuredClone(tinyTokenizerJson()) as Record<string, unknown>;
    edit(tokenizer, (tokenizer['model'] as { vocab: Vocabulary }).vocab);
    await replaceFile(fresh.folder, 'tokenizer.json', JSON.stringify(tokenizer));
    await expectRefusal(fresh.folder, new RegExp(`tokenizer\\.json: ${sentence.source}`));
  });

  test('JSON nested 10,000 deep', async () => {
    await replaceFile(fresh.folder, 'tokenizer.json', `${'['.repeat(10_000)}${']'.repeat(10_000)}`);
    await expectRefusal(fresh.folder, /tokenizer\.json nests deeper than 64 levels/);
  });
});

describe('a bundle is refused for its golden utterances:', () => {
  const cases: [string, string | Uint8Array, RegExp][] = [
    [
      'an unknown intent',
      '{"text":"a","intent":"weather"}\n{"text":"b","intent":"rain"}\n',
      /line 2: intent "rain" is not one of the bundle's intents/,
    ],
    ['no intent', '{"text":"a"}', /line 1: intent is missing/],
    ['no text', '{"text":"","intent":null}', /line 1: text must be at least 1 characters, not ""/],
    ['an unknown field', '{"text":"a","intent":null,"x":1}', /line 1: "x" is not a known field/],
    ['a broken line', '{"text":', /line 1 is not valid JSON/],
    ['invalid UTF-8', Uint8Array.of(0x7b, 0xff), /is not valid UTF-8/],
  ];
  test.each(cases)('%s', async (_, golden, sentence) => {
    await replaceFile(fresh.folder, 'golden.jsonl', golden);
    await expectRefusal(fresh.folder, new RegExp(`golden\\.jsonl:? ${sentence.source}`));
  });
});
