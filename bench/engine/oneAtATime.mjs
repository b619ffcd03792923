// One utterance at a time over MQTT to an agent that serves with TensorRT: how long an answer takes, where that time
// goes by the agent's own log, and what reading the GPU's meter costs.
//
//   node bench/engine/oneAtATime.mjs STATE_FOLDER [REQUESTS]      needs dist/, the addon, a GPU, an engine in the folder, or minutes to build one
//
// Prints a line a part: p50, p90, p99, p99.9 of as many requests, QoS 0, after 2,000 that are not counted.
import { execFileSync, spawn } from 'node:child_process';
import { openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { connectAsync } from 'mqtt';

const [stateDir, requests = '10000'] = process.argv.slice(2);
if (stateDir === undefined) throw new Error('node bench/engine/oneAtATime.mjs STATE_FOLDER');
const unmeasured = 2000;
const texts = [
  'how much is left in my checking account today',
  'put some jazz on in the living room please',
  'will it rain in the city tomorrow',
  'set a timer',
];
const log = openSync(join(stateDir, 'one-at-a-time.log'), 'w');

function line(name, us) {
  us.sort((a, b) => a - b);
  const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((share) =>
    us[Math.floor(share * us.length)].toFixed(0).padStart(6),
  );
  console.log(`  ${name.padEnd(34)} p50 ${p50}  p90 ${p90}  p99 ${p99}  p99.9 ${p999} µs`);
}

async function startAgent(meter) {
  const settings = ['model.bundles=builtin', 'broker.embeddedPort=0', `telemetry.meter=${meter}`];
  const args = [
    'run',
    '--device',
    'gpu',
    '--state-dir',
    stateDir,
    ...settings.flatMap((one) => ['--set', one]),
  ];
  const agent = spawn(process.execPath, ['dist/main.js', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let broker;
  createInterface({ input: agent.stderr }).on('line', (text) => {
    writeSync(log, `${text}\n`);
    if (text.startsWith('{'))
      broker ??= JSON.parse(text).msg === 'ready' ? JSON.parse(text).broker : undefined;
  });
  const kind = () =>
    JSON.parse(
      execFileSync(
        process.execPath,
        ['dist/main.js', 'engine', 'status', '--json', '--state-dir', stateDir],
        {
          encoding: 'utf8',
        },
      ),
    ).engines[0].kind;
  for (
    const end = performance.now() + 60_000;
    broker === undefined || kind() !== 'tensorrt';
    await sleep(200)
  ) {
    if (performance.now() > end || agent.exitCode !== null) {
      agent.kill();
      throw new Error('TensorRT never served');
    }
  }
  return { agent, broker };
}

async function measure(meter) {
  const { agent, broker } = await startAgent(meter);
  try {
    const client = await connectAsync(broker);
    await client.subscribeAsync('intentd/gpu/response');
    let told = () => undefined;
    let refused = 0;
    client.on('message', (_topic, payload) => {
      if (JSON.parse(payload).error !== undefined) refused += 1;
      told();
    });
    const ask = (id) =>
      new Promise((resolve) => {
        told = resolve;
        client.publish('intentd/gpu/request', JSON.stringify({ id, text: texts[id.length % texts.length] }));
      });
    const run = `${meter}-${Date.now()}`;
    for (let i = 0; i < unmeasured; i++) await ask(`${run}-first-${i}`);
    const us = [];
    for (let i = 0; i < Number(requests); i++) {
      const start = performance.now();
      await ask(`${run}-${i}`);
      us.push((performance.now() - start) * 1000);
    }
    console.log(`meter ${meter}, ${requests} requests`);
    line('publish to answer, at the client', us);
    if (refused > 0) console.log(`  refused: ${refused}`);
    await client.endAsync(true);
    await sleep(7000);
    const db = new Database(join(stateDir, 'intentd.db'), { readonly: true });
    const rows = db
      .prepare(`SELECT * FROM request WHERE requestId LIKE ? AND requestId NOT LIKE ?`)
      .all(`${run}-%`, `${run}-first-%`)
      .filter(({ error }) => error === null);
    db.close();
    if (rows.length === 0) return;
    for (const part of ['totalUs', 'queueUs', 'tokenizeUs', 'inferUs', 'gpuUs'])
      line(
        `${part} of ${rows.length} rows`,
        rows.map((row) => row[part]),
      );
  } finally {
    const ended = new Promise((resolve) => agent.once('exit', resolve));
    agent.kill('SIGTERM');
    await ended;
  }
}

await measure('nvml');
await measure('none');
