#!/usr/bin/env node
/**
 * What default_model.py reads: a bundle's encoder with either attention in either precision, its head, and its golden
 * utterances as token ids with the row of their intent in the head (-1 out of scope).
 *
 *     npm run build && node bench/attention/write_default_model.mjs BUNDLE DIR
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTokenizer, encoderToOnnx, headToOnnx, readBundle } from '../../dist/model/index.js';

const [bundle, folder] = process.argv.slice(2);
const { golden, labels, tokenizerJson, encoder, head } = await readBundle(bundle);
mkdirSync(folder, { recursive: true });
const write = (name, options) => writeFileSync(join(folder, `${name}.onnx`), encoderToOnnx(encoder, options));
for (const precision of ['int8', 'fp16']) {
  write(`standard-${precision}`, { precision, attention: 'standard' });
  write(`plugin-${precision}`, { precision, attention: 'plugin' });
}
writeFileSync(join(folder, 'head.onnx'), headToOnnx(head, encoder.architecture.hidden));

const tokenizer = createTokenizer(tokenizerJson, { positions: encoder.architecture.positions });
const utterances = golden.map(({ text, intent }) => ({
  ids: [...tokenizer.encode(text).ids],
  intent: intent === null ? -1 : labels.indexOf(intent),
}));
writeFileSync(join(folder, 'golden.json'), JSON.stringify({ intents: head.intents, utterances }));
