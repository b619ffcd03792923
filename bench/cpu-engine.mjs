#!/usr/bin/env node
/**
 * What one utterance costs on this machine's processor: the bundle's encoder as the product runs it,
 * beside FP32 through plain ONNX Runtime and beside ONNX Runtime's own dynamic INT8 of the same encoder.
 *
 *     npm run build
 *     node bench/cpu-engine.mjs BUNDLE --write-fp32 /tmp/fp32.onnx
 *     python3 bench/quantize_dynamic.py /tmp/fp32.onnx /tmp/dynamic.onnx
 *     node bench/cpu-engine.mjs BUNDLE --onnx dynamic=/tmp/dynamic.onnx
 *
 * Every contender lives in a process of its own, the product's in the environment that the daemon gives its workers
 * (`--plain-env`: in the caller's, like the others), and they take turns, a few dozen inferences a turn; the
 * others sleep meanwhile. Printed are the median over all turns, the least and the greatest median of a
 * turn, and the ratio to the first line.
 */
import { fork } from 'node:child_process';
import { cpus, release } from 'node:os';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openOnnxRuntimeEngine, weightFormHere, workerEnvironment } from '../dist/engine/index.js';
import { encoderToOnnx, readBundle } from '../dist/model/index.js';

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tokens: { type: 'string', default: '12' },
    batch: { type: 'string', default: '1' },
    threads: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '20' },
    onnx: { type: 'string', multiple: true, default: [] },
    'write-fp32': { type: 'string' },
    'plain-env': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
const tokens = Number(flags.tokens);
const batch = Number(flags.batch);
const threads = Number(flags.threads);
const warmups = 20;
const runs = 40;

if (folder === undefined) {
  console.error('usage: cpu-engine.mjs BUNDLE [--tokens N] [--batch N] [--threads N] [--rounds N]');
  console.error('                     [--onnx NAME=FILE]... [--write-fp32 FILE] [--plain-env] [--json]');
  process.exitCode = 2;
} else if (process.send) {
  await serve(process.argv.at(-1));
} else if (flags['write-fp32'] !== undefined) {
  const { encoder } = await readBundle(folder);
  writeFileSync(flags['write-fp32'], encoderToOnnx(encoder, { precision: 'fp32', attention: 'standard' }));
} else {
  await compare();
}

/** Starts the contenders, lets them take turns, prints what came out. */
async function compare() {
  const names = ['int8', 'fp32', 'fp32-fused', ...flags.onnx];
  if (weightFormHere() === 'u8s8') names.push('int8-u8u8');
  const contenders = [];
  for (const name of names) contenders.push(await start(name));
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length];
      contender.turns.push(await ask(contender.child));
      await sleep(20); // Its threads stop spinning before the next one's turn.
    }
  }
  for (const { child } of contenders) child.disconnect();
  print(contenders.map(({ name, info, turns }) => ({ name, ...info, ...summary(turns) })));
}

async function start(name) {
  const ours = name !== 'fp32' && !name.includes('=');
  const env = ours && !flags['plain-env'] ? workerEnvironment() : process.env;
  const child = fork(process.argv[1], [...process.argv.slice(2), name], { env });
  const info = await answerOf(child);
  return { name: name.split('=')[0], child, info, turns: [] };
}

function ask(child) {
  const answer = answerOf(child);
  child.send('measure');
  return answer;
}

function answerOf(child) {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => {
      child.removeAllListeners('exit');
      resolve(message);
    });
    child.once('exit', (code) => reject(new Error(`a contender ended with ${code}`)));
  });
}

/** A contender: answers each message with the times of a turn's inferences, in milliseconds. */
async function serve(name) {
  const infer = await contender(name);
  for (let i = 0; i < warmups; i++) await infer.run();
  process.on('message', async () => {
    for (let i = 0; i < warmups; i++) await infer.run();
    const times = [];
    for (let i = 0; i < runs; i++) {
      const begin = performance.now();
      await infer.run();
      times.push(performance.now() - begin);
    }
    process.send(times);
  });
  process.send({ form: infer.form, residentMb: Math.round(process.memoryUsage.rss() / 1e6) });
}

async function contender(name) {
  const { encoder, head } = await readBundle(folder);
  const ids = Int32Array.from(
    { length: batch * tokens },
    (_, i) => (i * 7919) % encoder.architecture.vocabulary,
  );
  const lengths = new Int32Array(batch).fill(tokens);
  if (name.includes('='))
    return plain(readFileSync(name.slice(name.indexOf('=') + 1)), 'as given', ids, lengths);
  if (name === 'fp32') {
    return plain(encoderToOnnx(encoder, { precision: 'fp32', attention: 'standard' }), 'plain', ids, lengths);
  }
  const precision = name === 'fp32-fused' ? 'fp32' : 'int8';
  const form = name === 'int8-u8u8' ? 'u8u8' : weightFormHere();
  const engine = await openOnnxRuntimeEngine({ encoder, digest: head.encoder, precision, threads, form });
  return {
    form: engine.info.form,
    run: () => engine.embed({ ids, lengths, size: batch, sequence: tokens }),
  };
}

/** ONNX Runtime as it comes: every optimization, nothing set but the threads. */
async function plain(onnx, form, ids, lengths) {
  const { InferenceSession, Tensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: threads, logSeverityLevel: 3 });
  const wide = BigInt64Array.from(ids, BigInt);
  const inputs = {
    tokens: new Tensor('int32', ids, [batch, tokens]),
    lengths: new Tensor('int32', lengths, [batch]),
    input_ids: new Tensor('int64', wide, [batch, tokens]),
    attention_mask: new Tensor('int64', new BigInt64Array(ids.length).fill(1n), [batch, tokens]),
    token_type_ids: new Tensor('int64', new BigInt64Array(ids.length), [batch, tokens]),
  };
  const feeds = Object.fromEntries(session.inputNames.map((input) => [input, inputs[input]]));
  return { form, run: () => session.run(feeds) };
}

function summary(turns) {
  const medians = turns.map(median).sort((a, b) => a - b);
  return { medianMs: median(turns.flat()), leastMs: medians[0], greatestMs: medians.at(-1) };
}

function median(values) {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}

function print(rows) {
  const { node, v8 } = process.versions;
  const { version } = JSON.parse(
    readFileSync(new URL('../node_modules/onnxruntime-node/package.json', import.meta.url)),
  );
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? process.arch}, Linux ${release()}`;
  const setting = { machine, node, v8, onnxruntime: version, bundle: folder, tokens, batch, threads };
  if (flags.json) {
    console.log(JSON.stringify({ ...setting, rows }, null, 1));
    return;
  }
  console.log(
    Object.entries(setting)
      .map(([key, value]) => `${key} ${value}`)
      .join('\n'),
  );
  console.log('\ncontender     form           median ms   least  greatest   ratio  resident MB');
  for (const row of rows) {
    const times = [row.medianMs, row.leastMs, row.greatestMs]
      .map((ms) => ms.toFixed(3).padStart(9))
      .join(' ');
    const ratio = (row.medianMs / rows[0].medianMs).toFixed(2).padStart(7);
    console.log(
      `${row.name.padEnd(13)} ${row.form.padEnd(12)} ${times} ${ratio} ${String(row.residentMb).padStart(12)}`,
    );
  }
}
