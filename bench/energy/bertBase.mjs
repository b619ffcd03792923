// Writes a bundle of BERT-base's shape with random INT8 weights, 40 % of them zero in the 2:4 pattern: its answers mean
// nothing, what it costs to compute them does. Tokenizer, intents and utterances are the shipped bundle's.
//
//   node bench/energy/bertBase.mjs OUT_FOLDER        needs dist/
import { readBundle, writeBundle } from '../../dist/model/index.js';

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error('node bench/energy/bertBase.mjs OUT_FOLDER');

const shipped = await readBundle(new URL('../../models/clinc150-minilm-l6', import.meta.url).pathname);
const architecture = {
  ...shipped.encoder.architecture,
  layers: 12,
  hidden: 768,
  heads: 12,
  feedForward: 3072,
};
const { hidden, feedForward, layers, positions, tokenTypes, vocabulary } = architecture;
/** All feed-forward layers and attention outputs are 37.5 %; values of seven of twelve layers make it 39.9 %. */
const sparseValues = 7;

let state = 1;
/** Evenly spread over −1…1, the same in every run (xorshift32). */
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state / 2 ** 31;
}
const numbers = (count, spread, mean = 0) =>
  Float32Array.from({ length: count }, () => mean + spread * random());

function matrix(rows, columns, spread, sparse = false) {
  const data = Int8Array.from({ length: rows * columns }, () => Math.round(127 * random()));
  // Which two of four are zero does not matter to the time: any two, by turns.
  if (sparse) for (let at = 0; at < data.length; at += 2) data[at + ((at >> 2) & 1)] = 0;
  const scale = new Float32Array(rows).fill(spread / 127);
  return { kind: 'int8', rows, columns, data, scale, sparse };
}

const norm = () => ({ weight: numbers(hidden, 0.1, 1), bias: numbers(hidden, 0.1) });
const linear = (rows, columns, sparse) => ({
  weight: matrix(rows, columns, 2 / Math.sqrt(columns), sparse),
  bias: numbers(rows, 0.1),
});
const sites = [
  'input',
  'qkv',
  'context',
  'attentionOutput',
  'feedForwardInput',
  'intermediate',
  'feedForwardOutput',
];

const encoder = {
  architecture,
  attention: shipped.encoder.attention,
  word: matrix(vocabulary, hidden, 1),
  position: matrix(positions, hidden, 0.5),
  tokenType: numbers(tokenTypes * hidden, 0.1),
  norm: norm(),
  layers: Array.from({ length: layers }, (_, layer) => ({
    linear: {
      'attention.query': linear(hidden, hidden, false),
      'attention.key': linear(hidden, hidden, false),
      'attention.value': linear(hidden, hidden, layer < sparseValues),
      'attention.output': linear(hidden, hidden, true),
      intermediate: linear(feedForward, hidden, true),
      output: linear(hidden, feedForward, true),
    },
    attentionNorm: norm(),
    outputNorm: norm(),
    activation: Object.fromEntries(sites.map((site) => [site, Math.fround(5 / 127)])),
  })),
};
const intents = shipped.labels.length;
const manifest = await writeBundle(out, {
  id: 'bert-base-random',
  version: '1.0.0',
  minAgent: '0.1.0',
  encoder,
  head: {
    output: { weight: numbers((intents + 1) * hidden, 0.1), bias: numbers(intents + 1, 0.1) },
    intents,
    background: 1,
  },
  labels: shipped.labels,
  tokenizerJson: shipped.tokenizerJson,
  golden: shipped.golden,
  sparsityTarget: 0.4,
  quantizationMethod: 'ptq',
  decision: {
    temperature: 1,
    outOfScope: { score: 'background', threshold: 0 },
    ambiguityMargin: 0.1,
  },
  evaluation: { note: 'random weights' },
});
console.log(`${out}: ${manifest.id}, ${(100 * manifest.sparsity.achieved).toFixed(1)} % zero in 2:4`);
