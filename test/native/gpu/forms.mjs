// Builds every form of the graph that prepareForms.mjs wrote and holds it against ONNX Runtime: each utterance alone,
// alone in a larger bucket, four times in one batch, and in batches of mixed lengths. Tells which part of a graph
// TensorRT computes otherwise. Each form has a process and a time limit; what is known is printed at once.
//
//   node test/native/gpu/forms.mjs [--seconds 120] [--level 3] [FORM...]     needs build/gpu/forms and build/Release

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../../dist/engine/tensorrt/addon.js';
import { nativePaths } from '../../../dist/engine/tensorrt/paths.js';
import { cosine, embed, expect, note, quantile, section, summary } from './harness.mjs';
import { buildOptions, defaultProfiles } from './models.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '120' },
    level: { type: 'string', default: '3' },
    one: { type: 'boolean', default: false },
  },
});
const folder = new URL('../../../build/gpu/forms', import.meta.url).pathname;
const { rows, hidden, reference } = JSON.parse(readFileSync(`${folder}/forms.json`, 'utf8'));
const buckets = [
  [1, 16],
  [1, 32],
  [4, 16],
  [4, 32],
  [16, 32],
].map(([batch, sequence]) => ({ batch, sequence }));

/** What a group of utterances is against the reference, whole and by its row in the batch. */
function hold(what, alike, size = 1) {
  const least = Math.min(...alike);
  const mean = alike.reduce((sum, value) => sum + value) / alike.length;
  expect(what, least > 0.99, `cosine at least ${least.toFixed(4)}, mean ${mean.toFixed(4)}`);
  if (size === 1 || least > 0.99) return;
  for (let row = 0; row < size; row++) {
    const own = alike.filter((_, at) => at % size === row);
    note(`row ${row} of ${size}`, `at least ${Math.min(...own).toFixed(4)}`);
  }
}

async function checkForm(name) {
  const { addon: file, plugins } = nativePaths();
  const addon = loadAddon(file);
  addon.setLogSink((level, message) => {
    if (level === 'fatal' || level === 'error' || level === 'warn') note(level, message.slice(0, 200));
  });
  if (name.endsWith('plugin')) addon.loadPlugins(plugins);
  const more = { sparse: name.startsWith('int8'), builderLevel: Number(options.level) };
  const onnx = new Uint8Array(readFileSync(`${folder}/${name}.onnx`));
  const built = await addon.buildEngine(onnx, buildOptions(defaultProfiles, more), () => undefined).done;
  note('built', `${Math.round(built.buildMs)} ms, ${built.plan.length} bytes`);
  const engine = await addon.loadEngine(built.plan, { buckets, graphs: true });
  const wanted = reference[name];
  const ask = async (asked) => (await embed(addon, engine, asked, hidden)).embeddings;

  const alone = [];
  for (const row of rows) alone.push(...(await ask([row])));
  hold(
    'alone',
    alone.map((one, at) => cosine(one, wanted[at])),
  );
  const repeated = [];
  for (const row of rows) repeated.push(...(await ask([row, row, row, row])));
  hold(
    'four times in a batch',
    repeated.map((one, at) => cosine(one, wanted[at >> 2])),
    4,
  );
  for (const size of [2, 4, 16]) {
    const mixed = [];
    for (let at = 0; at + size <= rows.length; at += size)
      mixed.push(...(await ask(rows.slice(at, at + size))));
    hold(
      `batches of ${size}, mixed lengths`,
      mixed.map((one, at) => cosine(one, wanted[at])),
      size,
    );
  }
  for (const { batch, sequence } of buckets) {
    const us = (await addon.warmup(engine, batch, sequence, 500)).slice(100);
    note(`${batch}x${sequence}`, `GPU p50 ${quantile(us, 0.5).toFixed(1)} µs`);
  }
  await addon.unloadEngine(engine);
}

const names = positionals.length > 0 ? positionals : Object.keys(reference);
if (options.one) {
  await section(names[0], () => checkForm(names[0]));
  process.exitCode = summary();
} else {
  for (const name of names) {
    if (!existsSync(`${folder}/${name}.onnx`)) throw new Error(`${folder} holds no ${name}.onnx`);
    const args = [import.meta.filename, '--one', '--level', options.level, name];
    const run = spawnSync(process.execPath, args, {
      stdio: 'inherit',
      timeout: Number(options.seconds) * 1000,
      killSignal: 'SIGKILL',
    });
    if (run.error !== undefined) expect(`${name} within ${options.seconds} s`, false, run.error.message);
    else if (run.status !== 0) process.exitCode = 1;
  }
}
