// One utterance at a time over MQTT to an agent that serves with TensorRT: how long an answer takes, where that time
// goes by the agent's own log, and what reading the GPU's meter costs.
//
//   node bench/engine/oneAtATime.mjs STATE_FOLDER [REQUESTS]
//
// Needs dist/, the addon, a GPU, and an engine in the folder, or minutes to build one. Prints a line a part: p50, p90,
// p99, p99.9 of as many requests, QoS 0, after as many, 2,000 at most, that are not counted.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { withAgent } from './agentUnderTest.mjs';
import { printPercentiles } from './percentiles.mjs';

const [stateDir, requests = '10000'] = process.argv.slice(2);
if (stateDir === undefined) throw new Error('node bench/engine/oneAtATime.mjs STATE_FOLDER');
const unmeasured = Math.min(2000, Number(requests));
const commitMs = 7000;

function rowsOf(run) {
  const db = new Database(join(stateDir, 'intentd.db'), { readonly: true });
  const rows = db.prepare('SELECT * FROM request WHERE requestId LIKE ? AND error IS NULL').all(`${run}-%`);
  db.close();
  return rows;
}

async function measure(agent, meter) {
  await agent.until(() => agent.serves('tensorrt'), 600_000);
  const run = `${meter}-${Date.now()}`;
  for (let i = 0; i < unmeasured; i++) await agent.ask(`first-${run}-${i}`);
  const us = [];
  for (let i = 0; i < Number(requests); i++) {
    const ms = await agent.ask(`${run}-${i}`);
    if (ms !== undefined) us.push(ms * 1000);
  }
  console.log(`meter ${meter}: ${us.length} of ${requests} requests answered`);
  if (us.length === 0) return;
  printPercentiles('  publish to answer, at the client', us);
  await sleep(commitMs);
  const rows = rowsOf(run);
  for (const part of ['totalUs', 'queueUs', 'tokenizeUs', 'inferUs', 'gpuUs']) {
    const times = rows.map((row) => row[part]).filter((one) => one !== null);
    if (times.length > 0) printPercentiles(`  ${part} of ${times.length} rows`, times);
  }
}

for (const meter of ['nvml', 'none']) {
  const agent = { stateDir, name: `one-at-a-time-${meter}`, out: stateDir, bundle: 'builtin' };
  await withAgent(agent, (started) => measure(started, meter), '--set', `telemetry.meter=${meter}`);
}
