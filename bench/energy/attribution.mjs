// Whether what an agent accounts for is what the GPU drew: a minute of load, and the sum of the rows' energy and of what the
// agent calls idle (drawn while no batch ran) beside the GPU's own counter (NVML) over the same time.
//
//   node bench/energy/attribution.mjs OUT_FOLDER [BUNDLE [SECONDS [STATE_FOLDER]]]      needs dist/, the addon and a GPU
//   where the state folder holds an engine, none is built
//   exits with 1 where they differ by more than 5 %
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { connectAsync } from 'mqtt';

const [out = '.', bundle = 'builtin', seconds = '60', folder] = process.argv.slice(2);
const outstanding = 64;
const most = 0.05;
const texts = [
  'how much is left in my checking account today',
  'put some jazz on in the living room please',
  'will it rain in the city tomorrow',
  'set a timer',
];

const root = new URL('../../', import.meta.url).pathname;
const addon = createRequire(import.meta.url)(
  process.env.INTENTD_NATIVE || join(root, 'build/Release/intentd_native.node'),
);
addon.readGpuEnergy();

const stateDir = folder ?? mkdtempSync(join(tmpdir(), 'intentd-attribution-'));
const settings = [
  ['model.bundles', bundle],
  ['broker.embeddedPort', '0'],
  ['web.port', '0'],
  ['engine.kind', 'tensorrt'],
  ['telemetry.meter', 'nvml'],
  ['telemetry.commitSeconds', '1'],
].flatMap(([name, value]) => ['--set', `${name}=${value}`]);
const args = [join(root, 'dist/main.js'), 'run', '--device', 'gpu', '--state-dir', stateDir, ...settings];
const agent = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
const log = openSync(join(out, 'attribution-agent.log'), 'w');
const said = [];
createInterface({ input: agent.stderr }).on('line', (line) => {
  writeSync(log, `${line}\n`);
  if (line.startsWith('{')) said.push(JSON.parse(line));
});
const entry = (message) => said.find(({ msg }) => msg === message);
async function until(message, ms) {
  const end = performance.now() + ms;
  while (entry(message) === undefined) {
    if (performance.now() > end || agent.exitCode !== null)
      throw new Error(`the agent never said: ${message}`);
    await sleep(50);
  }
  return entry(message);
}

/** Built now, or kept from an earlier start. */
async function tensorRtServes(ms) {
  const status = [join(root, 'dist/main.js'), 'engine', 'status', '--json', '--state-dir', stateDir];
  const end = performance.now() + ms;
  for (;;) {
    const told = execFileSync(process.execPath, status, { encoding: 'utf8' });
    if (JSON.parse(told).engines[0].kind === 'tensorrt') return;
    if (performance.now() > end || agent.exitCode !== null)
      throw new Error('the TensorRT engine never served');
    await sleep(500);
  }
}

/** The agent's own counters since its start, in mJ and ms; the idle floor in mW. */
async function accounted() {
  const { url } = await until('dashboard and metrics', 10_000);
  const text = await (await fetch(new URL('metrics', url))).text();
  const of = (name) => {
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return line === undefined ? null : Number(line.slice(name.length + 1)) * 1000;
  };
  return {
    attributedMj: of('intentd_energy_joules_total{use="requests"}'),
    idleMj: of('intentd_energy_joules_total{use="idle"}'),
    unmeasuredMs: of('intentd_energy_unmeasured_seconds_total'),
    idleFloorMw: of('intentd_idle_power_watts'),
  };
}

try {
  const { broker } = await until('ready', 120_000);
  await tensorRtServes(600_000);
  const client = await connectAsync(broker);
  await client.subscribeAsync('intentd/gpu/response');
  let sent = 0;
  let answered = 0;
  let refusals = 0;
  const send = () => {
    const request = { id: `a-${sent}`, text: texts[sent % texts.length], deadlineMs: 10_000 };
    sent += 1;
    client.publish('intentd/gpu/request', JSON.stringify(request));
  };
  // Counter and clock are read in the middle of the load, so that its beginning and end count on neither side.
  let [running, counted] = [true, false];
  client.on('message', (_topic, payload) => {
    const refused = JSON.parse(payload.toString()).error !== undefined;
    if (counted && refused) refusals += 1;
    else if (counted) answered += 1;
    if (running) setTimeout(send, refused ? 50 : 0);
  });
  // The idle floor is learned while nothing runs.
  await sleep(5000);
  for (let at = 0; at < outstanding; at++) send();
  await sleep(3000);
  counted = true;
  const before = await accounted();
  const [fromMj, from] = [addon.readGpuEnergy(), Date.now()];
  await sleep(Number(seconds) * 1000);
  const after = await accounted();
  const [toMj, to] = [addon.readGpuEnergy(), Date.now()];
  counted = false;
  await sleep(3000);
  running = false;
  // Samples come in, rows are committed.
  await sleep(4000);
  await client.endAsync();

  const db = new Database(join(stateDir, 'intentd.db'), { readonly: true });
  const rows = db
    .prepare(
      `SELECT COUNT(*) AS requests, COUNT(energyMj) AS measured, TOTAL(energyMj) AS energyMj,
        TOTAL(aboveIdleMj) AS aboveIdleMj FROM request WHERE time >= ? AND time < ?`,
    )
    .get(from, to);
  const { meanMw } = db
    .prepare(`SELECT AVG(meanMw) AS meanMw FROM power WHERE rail = 'total' AND time >= ? AND time < ?`)
    .get(from, to);
  const median = (column) =>
    db
      .prepare(
        `SELECT ${column} FROM request WHERE time >= ? AND time < ? AND ${column} IS NOT NULL
         ORDER BY ${column} LIMIT 1 OFFSET ?`,
      )
      .pluck()
      .get(from, to, Math.floor(rows.measured / 2)) ?? null;
  const medians = { batchSize: median('batchSize'), inferUs: median('inferUs'), gpuUs: median('gpuUs') };
  db.close();
  const counterMj = toMj - fromMj;
  const [attributedMj, idleMj] = ['attributedMj', 'idleMj'].map((name) => after[name] - before[name]);
  const floorMj = (after.idleFloorMw * (to - from)) / 1000;
  const rowsAndIdleShare = (rows.energyMj + idleMj) / counterMj;
  const agentShare = (attributedMj + idleMj) / counterMj;
  const figures = {
    date: new Date().toISOString(),
    seconds: (to - from) / 1000,
    answered,
    refusals,
    ...rows,
    idleMj,
    attributedMj,
    unmeasuredMs: after.unmeasuredMs - before.unmeasuredMs,
    counterMj,
    historyMj: (meanMw * (to - from)) / 1000,
    meanW: counterMj / (to - from),
    idleFloorW: after.idleFloorMw / 1000,
    // What is idle costs the floor, so this is the share of the time in which an engine had a batch.
    busyShare: 1 - idleMj / floorMj,
    medians,
    rowsShare: rows.energyMj / counterMj,
    rowsAndIdleShare,
    agentShare,
    met: [rowsAndIdleShare, agentShare].every((share) => Math.abs(share - 1) <= most),
  };
  writeFileSync(join(out, 'attribution.json'), `${JSON.stringify(figures, null, 2)}\n`);
  console.log(JSON.stringify(figures, null, 2));
  process.exitCode = figures.met ? 0 : 1;
} finally {
  agent.kill('SIGTERM');
}
