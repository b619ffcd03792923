// Checks the addon on a GPU: builds, loads, runs and unloads real engines. Prints a line for each promise and ends with
// status 1 if one is broken. Needs the addon and dist/ built, TensorRT, and build/gpu/reference.json of prepare.mjs.
//
//   node test/native/gpu/check.mjs [--attention plugin] [--rounds 10000] [--seconds 60] [--plans FOLDER] [--only-run]
//   node test/native/gpu/check.mjs --plan FILE [--attention plugin] [--rounds 10000] [--seconds 560]
//
// --attention  the plugin's attention (its library beside the addon, or where INTENTD_PLUGINS says); standard if absent
// --rounds     load, infer, unload so often, and no longer than --seconds
// --plans      keeps the engines there; with --only-run, takes them from there and builds nothing (compute-sanitizer)
// --plan       rounds alone, with this plan: of engines/<key>/plan, say. Needs no reference.json

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadAddon } from '../../../dist/engine/tensorrt/addon.js';
import { nativePaths } from '../../../dist/engine/tensorrt/paths.js';
import {
  checkBuild,
  checkCancellation,
  checkRefusals as checkBuildRefusals,
  checkTimingCache,
} from './building.mjs';
import { expect, expectCode, note, section, summary } from './harness.mjs';
import { defaultOnnx, defaultProfiles, tinyOnnx, tinyProfiles } from './models.mjs';
import { checkRounds } from './rounds.mjs';
import * as running from './running.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    plans: { type: 'string', default: 'build/gpu' },
    'only-run': { type: 'boolean', default: false },
    attention: { type: 'string', default: 'standard' },
    plan: { type: 'string' },
  },
});
const addon = loadAddon();
const logged = { fatal: [], error: [], warn: [], info: [], debug: [] };
addon.setLogSink((level, message) => logged[level].push(message));

function checkRuntime() {
  const info = addon.runtimeInfo();
  console.log(JSON.stringify(info));
  expect(
    'the runtime is told',
    /^1[01]\.\d+\.\d+$/.test(info.tensorrt) && info.sm >= 75 && info.uuid.startsWith('GPU-'),
  );
  expect('memory is told', info.memoryFreeBytes > 0 && info.memoryFreeBytes <= info.memoryTotalBytes);
}

async function checkEnergy(engine) {
  const before = addon.readGpuEnergy();
  const start = performance.now();
  await addon.warmup(engine, 16, 64, 2000);
  const joules = (addon.readGpuEnergy() - before) / 1000;
  const seconds = (performance.now() - start) / 1000;
  expect(
    'the energy counter counts',
    joules > 0,
    `${joules.toFixed(1)} J in ${seconds.toFixed(2)} s, ${(joules / seconds).toFixed(0)} W`,
  );
}

async function checkPlugins() {
  const { plugins } = nativePaths();
  if (options.attention === 'plugin') addon.loadPlugins(plugins);
  await expectCode('a plugin library that is not there', 'PLUGIN', /cannot be opened/, async () =>
    addon.loadPlugins('/nowhere.so'),
  );
  await expectCode('a library that is no plugin', 'PLUGIN', /getCreators/, async () =>
    addon.loadPlugins('libm.so.6'),
  );
}

async function builtEngines() {
  const { attention } = options;
  const [onnx, tiny] = [await defaultOnnx('int8', attention), tinyOnnx(attention)];
  const built = await section('build', () =>
    checkBuild(addon, 'the default encoder, INT8 sparse', onnx, defaultProfiles),
  );
  const small = await section('build a small one', () =>
    checkBuild(addon, 'a small encoder', tiny, tinyProfiles),
  );
  await section('timing cache', () => checkTimingCache(addon, onnx, built));
  await section('cancellation', () => checkCancellation(addon, onnx));
  await section('what cannot be built', () => checkBuildRefusals(addon, tiny));
  mkdirSync(options.plans, { recursive: true });
  writeFileSync(`${options.plans}/default.plan`, built.plan);
  writeFileSync(`${options.plans}/tiny.plan`, small.plan);
}

async function wholeCheck() {
  const reference = JSON.parse(
    readFileSync(new URL('../../../build/gpu/reference.json', import.meta.url), 'utf8'),
  );
  if (!options['only-run']) await builtEngines();
  const plan = readFileSync(`${options.plans}/default.plan`);
  const engine = await section('load', () => running.checkLoading(addon, plan));
  const second = await section('load without graphs', () => running.checkLoading(addon, plan, false));
  await section('results', () => running.checkResults(addon, engine, reference));
  await section('graphs', () => running.checkGraphsAgree(addon, engine, second, reference));
  await section('order', () => running.checkOrder(addon, [engine, second], reference));
  if (!options['only-run']) {
    await section('times', () => running.checkTimes(addon, engine, reference, 'with graphs'));
    await section('times', () => running.checkTimes(addon, second, reference, 'without graphs'));
    await section('energy', () => checkEnergy(engine));
  }
  await section('what cannot run', () => running.checkRefusals(addon, engine, plan));
  await section('unload', () => running.checkUnload(addon, engine, reference));
  await section('unload', () => running.checkUnload(addon, second, reference));
}

await section('runtime', checkRuntime);
await section('plugins', checkPlugins);
if (options.plan === undefined) await wholeCheck();
const rounds = { rounds: Number(options.rounds), seconds: Number(options.seconds) };
const soaked = options.plan ?? `${options.plans}/tiny.plan`;
await section('rounds', () => checkRounds(addon, readFileSync(soaked), rounds));
note(
  'log lines',
  Object.entries(logged)
    .map(([level, lines]) => `${lines.length} ${level}`)
    .join(', '),
);
for (const line of [...new Set([...logged.warn, ...logged.error])].slice(0, 40))
  note('log', line.slice(0, 300));
addon.setLogSink(null);
process.exitCode = summary();
