/**
 * How long `intentd stats --since 24h` takes, process start included, over ten million requests of the last 24 hours,
 * while another process writes 1,000 a second. All rows go through the log's own way of writing, roll-ups included.
 *
 *   npm run build && node bench/telemetry/stats.mjs [--rows 10000000] [--runs 20] [--max-megabytes 256]
 *     [--state-dir FOLDER]     keeps the rows there, and uses them again; --runs 0 only makes them
 */
import { fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { IntentdError, silentLogger, systemClock } from '../../dist/base/index.js';
import { RequestLog, RequestLogReader, requestLogPath } from '../../dist/telemetry/index.js';
import { rowAt, seeded } from './rows.mjs';

const dayMs = 24 * 3600_000;
const chunk = 50_000;
const perSecond = 1000;
const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    runs: { type: 'string', default: '20' },
    'max-megabytes': { type: 'string', default: '256' },
    'state-dir': { type: 'string' },
    writer: { type: 'boolean', default: false },
  },
});
const rows = Number(values.rows);
const runs = Number(values.runs);
const maxBytes = Number(values['max-megabytes']) * 1e6;
const folder = values['state-dir'] ?? mkdtempSync(join(tmpdir(), 'intentd-bench-'));
const path = requestLogPath(folder);

function openLog(commitMs) {
  const log = new RequestLog(
    { path, commitMs, maxPending: 2 * chunk, maxAgeMs: 30 * dayMs, maxBytes, maxWalBytes: 64e6 },
    systemClock,
    silentLogger,
  );
  log.start();
  return log;
}

/** Writes rows at an even rate until it is told to stop, with the agent's own time between commits. */
async function write() {
  const log = openLog(5000);
  const chance = seeded(2);
  const began = performance.now();
  let written = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - began) / 1000) * perSecond;
    for (; written < due; written++) log.record(rowAt(Date.now(), `live-${written}`, chance));
  }, 10);
  await new Promise((resolve) => process.once('message', resolve));
  clearInterval(timer);
  await log.stop();
  const seconds = (performance.now() - began) / 1000;
  process.send({ ...log.counters, perSecond: Math.round(written / seconds) });
  process.disconnect();
}

/** Fills the log with rows that lie evenly over the last day, up to now. */
async function fill() {
  const log = openLog(600_000);
  const chance = seeded(1);
  const until = Date.now();
  const began = performance.now();
  for (let at = 0; at < rows;) {
    const end = Math.min(rows, at + chunk);
    for (; at < end; at++)
      log.record(rowAt(Math.floor(until - dayMs + ((at + 1) * dayMs) / rows), at, chance));
    await log.flush();
    process.stderr.write(`\r${at} rows, ${Math.round(at / ((performance.now() - began) / 1000))}/s `);
  }
  await log.stop();
  process.stderr.write('\n');
  const { written, dropped, failures } = log.counters;
  if (written !== rows)
    throw new IntentdError('bench', `${written} written, ${dropped} dropped, ${failures} failures`);
}

function megabytes(file) {
  return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) / 1e6;
}

/** Runs the command line as a person would; its output, and the time from its start to its end. */
async function timed(...args) {
  const began = performance.now();
  const child = spawn(process.execPath, [main, 'stats', '--state-dir', folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH, HOME: folder },
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  const ms = performance.now() - began;
  if (code !== 0) throw new IntentdError('bench', `intentd stats ended with ${code}`);
  return { ms, out };
}

async function times(...args) {
  const taken = [];
  for (let run = 0; run < runs; run++) taken.push((await timed(...args)).ms);
  taken.sort((a, b) => a - b);
  const [least, middle, most] = [taken[0], taken[runs >> 1], taken.at(-1)].map((ms) => ms.toFixed(0));
  return `min ${least} ms, median ${middle} ms, max ${most} ms of ${runs} runs`;
}

async function measure() {
  const load = loadavg()[0].toFixed(2);
  const sqlite = createRequire(import.meta.url)('better-sqlite3')(':memory:').prepare(
    'SELECT sqlite_version()',
  );
  console.log(
    `${availableParallelism()} cores of ${cpus()[0].model}, load ${load} before; Node.js ${process.versions.node}, ` +
      `SQLite ${sqlite.pluck().get()}; ${new Date().toISOString()}`,
  );
  const writer = fork(fileURLToPath(import.meta.url), [
    ...process.argv.slice(2),
    '--state-dir',
    folder,
    '--writer',
  ]);
  await new Promise((resolve) => setTimeout(resolve, 6000));
  const whole = JSON.parse((await timed('--since', '24h', '--json')).out)[0];
  console.log(`${whole.count} requests in the answer; rows up to ${rows} and what is being written`);
  console.log(`--since 24h: ${await times('--since', '24h')}`);
  for (const by of ['intent', 'hour', 'model', 'engine', 'bucket']) {
    console.log(`--since 24h --by ${by}: ${await times('--since', '24h', '--by', by)}`);
  }
  const told = new Promise((resolve) => writer.once('message', resolve));
  writer.send('stop');
  const { written, dropped, failures, perSecond: rate } = await told;
  console.log(`meanwhile ${written} written, ${rate}/s, ${dropped} dropped, ${failures} failures`);
  const reader = new RequestLogReader(path);
  const kept = reader.newest({}, 1)[0].id;
  reader.close();
  console.log(
    `file ${megabytes(path).toFixed(1)} MB of ${maxBytes / 1e6} MB, write-ahead log ${megabytes(`${path}-wal`).toFixed(1)} MB; ` +
      `${kept} rows were written in all`,
  );
}

if (values.writer) await write();
else {
  if (megabytes(path) === 0) await fill();
  if (runs > 0) await measure();
  if (values['state-dir'] === undefined) rmSync(folder, { recursive: true });
}
