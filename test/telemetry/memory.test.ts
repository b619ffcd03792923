import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { built } from '../support/built.js';

/** Writes rows in a process of its own; prints what it has resident beside the heap of JavaScript, in MiB. */
const program = `
  const [base, telemetry, rows, path] = process.argv.slice(1);
  const { RequestLog } = await import(telemetry);
  const { silentLogger, systemClock } = await import(base);
  const { rowAt, seeded } = await import(rows);
  const options = { path, commitMs: 600_000, maxPending: 10_000, maxAgeMs: 1e12, maxBytes: 1e9, maxWalBytes: 64e6 };
  const log = new RequestLog(options, systemClock, silentLogger);
  log.start();
  const chance = seeded(1);
  const now = Date.now();
  for (let at = 1; at <= 120_000; at++) {
    log.record(rowAt(now + at, String(at), chance));
    if (at % 5000 === 0) await log.flush();
    if (at % 20_000 !== 0) continue;
    const { rss, heapTotal } = process.memoryUsage();
    console.log((rss - heapTotal) / 2 ** 20);
  }
  await log.stop();
`;

it('the request log keeps no more of its file in memory the longer it writes', async () => {
  const dist = await built();
  const folder = mkdtempSync(join(tmpdir(), 'intentd-log-'));
  const room = (name: string): string => pathToFileURL(join(dist, name, 'index.js')).href;
  const rows = pathToFileURL(join(import.meta.dirname, '../../bench/telemetry/rows.mjs')).href;
  const args = [
    '--input-type=module',
    '-e',
    program,
    room('base'),
    room('telemetry'),
    rows,
    join(folder, 'intentd.db'),
  ];
  const mib = execFileSync(process.execPath, args, { encoding: 'utf8' }).trim().split('\n').map(Number);
  rmSync(folder, { recursive: true });
  // What 100,000 rows fill is 17 MB of the file.
  expect(mib).toHaveLength(6);
  expect(mib.at(-1)! - mib[0]!).toBeLessThan(14);
}, 120_000);
