// Writes build/gpu/forms/: the default encoder in several forms of its graph, with what ONNX Runtime makes of each, so
// that a GPU machine can tell which part of a graph TensorRT computes otherwise. The word table holds only the tokens
// that are asked, so that all forms travel together.   npm run build && node test/native/gpu/prepareForms.mjs [LAYERS]

import { mkdirSync, writeFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createTokenizer, encoderToOnnx, readBundle } from '../../../dist/model/index.js';
import { onnx } from '../../../dist/model/graph/onnxProto.js';

const root = new URL('../../../', import.meta.url).pathname;
const layers = Number(process.argv[2] ?? 2);
const bundle = await readBundle(`${root}models/clinc150-minilm-l6`);
const tokenizer = createTokenizer(bundle.tokenizerJson, {
  positions: bundle.encoder.architecture.positions,
});
const texts = bundle.golden.filter((_, at) => at % 8 === 0).map(({ text }) => text);
const { encoder, rows } = withOwnWords(
  bundle.encoder,
  texts.map((text) => [...tokenizer.encode(text).ids]),
);

/** The encoder cut to its first layers and to the rows of its word table that the utterances use. */
function withOwnWords(whole, asked) {
  const used = [...new Set([0, ...asked.flat()])].sort((a, b) => a - b);
  const place = new Map(used.map((token, at) => [token, at]));
  const { columns, data, scale } = whole.word;
  const own = new data.constructor(used.length * columns);
  used.forEach((token, at) => own.set(data.subarray(token * columns, (token + 1) * columns), at * columns));
  const word = {
    ...whole.word,
    rows: used.length,
    data: own,
    scale: Float32Array.from(used, (token) => scale[token]),
  };
  const architecture = { ...whole.architecture, layers, vocabulary: used.length };
  return {
    encoder: { ...whole, word, architecture, layers: whole.layers.slice(0, layers) },
    rows: asked.map((row) => row.map((token) => place.get(token))),
  };
}

function changed(bytes, change) {
  const model = onnx().ModelProto.decode(bytes);
  change(model.graph);
  return onnx().ModelProto.encode(model).finish();
}

/** Scores of what is not seen are replaced, and nothing is added to any. */
function maskChosen(graph) {
  const mask = graph.node.find(({ name }) => name === 'mask');
  Object.assign(mask, {
    name: 'visible.heads',
    output: ['visible.heads'],
    input: ['visible', mask.input[1]],
  });
  graph.node = graph.node.filter(({ name }) => name !== 'mask.rows');
  for (const node of graph.node.filter(({ name }) => /attention\.masked$/.test(name))) {
    Object.assign(node, { opType: 'Where', input: ['visible.heads', node.input[0], 'mask.unseen'] });
  }
}

/** The mean is a product and a sum instead of a matrix product. */
function pooledBySum(graph) {
  const at = graph.node.findIndex(({ name }) => name === 'pooling.sums');
  const [weights, states] = graph.node[at].input;
  const node = (opType, input, name, attribute) => ({ opType, input, name, output: [name], attribute });
  graph.node.splice(
    at,
    1,
    node('Transpose', [weights], 'pooling.columns', [{ name: 'perm', type: 7, ints: [0, 2, 1] }]),
    node('Mul', ['pooling.columns', states], 'pooling.weighted', []),
    node('ReduceSum', ['pooling.weighted', 'axes.1'], 'pooling.sums', [{ name: 'keepdims', type: 2, i: 1 }]),
  );
}

const graphOf = (one, precision, attention = 'standard') => encoderToOnnx(one, { attention, precision });
const dense = { ...encoder, attention: { windowEachSide: -1, globalTokens: 0 } };
const first = { ...encoder, architecture: { ...encoder.architecture, pooling: 'cls' } };
const int8 = graphOf(encoder, 'int8');
const forms = {
  int8,
  'int8-dense-mask': graphOf(dense, 'int8'),
  'int8-mask-chosen': changed(int8, maskChosen),
  'int8-pooled-by-sum': changed(int8, pooledBySum),
  'int8-first-token': graphOf(first, 'int8'),
  fp16: graphOf(encoder, 'fp16'),
  'fp16-dense-mask': graphOf(dense, 'fp16'),
  fp32: graphOf(encoder, 'fp32'),
  'int8-plugin': graphOf(encoder, 'int8', 'plugin'),
  'fp16-plugin': graphOf(encoder, 'fp16', 'plugin'),
};

/** Each utterance alone, without padding: `[hidden]` numbers each. */
async function embeddingsOf(graph) {
  const session = await InferenceSession.create(graph, {
    graphOptimizationLevel: 'disabled',
    logSeverityLevel: 3,
  });
  const embeddings = [];
  for (const row of rows) {
    const tokens = new Tensor('int32', Int32Array.from(row), [1, row.length]);
    const lengths = new Tensor('int32', Int32Array.of(row.length), [1]);
    const { embedding } = await session.run({ tokens, lengths });
    embeddings.push([...embedding.data].map((value) => Number(value.toFixed(5))));
  }
  await session.release();
  return embeddings;
}

const folder = `${root}build/gpu/forms`;
mkdirSync(folder, { recursive: true });
const reference = {};
for (const [name, graph] of Object.entries(forms)) {
  writeFileSync(`${folder}/${name}.onnx`, graph);
  // The plugin's node says the same as standard operators.
  if (!name.endsWith('plugin')) reference[name] = await embeddingsOf(graph);
}
reference['int8-plugin'] = reference.int8;
reference['fp16-plugin'] = reference.fp16;
writeFileSync(
  `${folder}/forms.json`,
  JSON.stringify({ rows, hidden: encoder.architecture.hidden, reference }),
);
console.log(`${folder}: ${Object.keys(forms).length} forms of ${layers} layers, ${rows.length} utterances`);
