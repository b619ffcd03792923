// Writes build/gpu/reference.json: tokens of the default bundle's golden utterances and their embeddings by the CPU
// engine, which a GPU machine cannot compute itself.   npm run build && node test/native/gpu/prepare.mjs

import { mkdirSync, writeFileSync } from 'node:fs';
import { openOnnxRuntimeEngine } from '../../../dist/engine/index.js';
import { createTokenizer, readBundle } from '../../../dist/model/index.js';

const root = new URL('../../../', import.meta.url).pathname;
const { encoder, head, tokenizerJson, golden } = await readBundle(`${root}models/clinc150-minilm-l6`);
const tokenizer = createTokenizer(tokenizerJson, { positions: encoder.architecture.positions });

async function embeddings(precision, rows) {
  const engine = await openOnnxRuntimeEngine({ encoder, digest: head.encoder, precision });
  const computed = [];
  for (const row of rows) {
    const lengths = Int32Array.of(row.length);
    computed.push([...(await engine.embed({ ids: row, lengths, size: 1, sequence: row.length }))]);
  }
  await engine.close();
  return computed;
}

const rows = golden.slice(0, 64).map(({ text }) => Int32Array.from(tokenizer.encode(text).ids));
const reference = {
  rows: rows.map((row) => [...row]),
  int8: await embeddings('int8', rows),
  fp32: await embeddings('fp32', rows),
};
mkdirSync(`${root}build/gpu`, { recursive: true });
writeFileSync(`${root}build/gpu/reference.json`, JSON.stringify(reference));
console.log(
  `build/gpu/reference.json: ${rows.length} utterances, up to ${Math.max(...rows.map((r) => r.length))} tokens`,
);
