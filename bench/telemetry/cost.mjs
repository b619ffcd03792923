/**
 * What telemetry costs: answers a second over MQTT with it on, and with it off, the two agents taking turns under the
 * same load, 64 requests open at a time. Each has a process, a broker and a state directory of its own; the one whose turn
 * it is not does nothing.
 *
 *   npm run build && node bench/telemetry/cost.mjs [--rounds 8] [--seconds 6]
 */
import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { closedLoop } from '../../dist/cli/bench/load.js';
import { LoadClient } from '../../dist/cli/bench/loadClient.js';
import { OwnAgent } from '../../dist/cli/bench/subject.js';
import { loadConfig } from '../../dist/config/index.js';
import { bundleFolder } from '../../dist/daemon.js';
import { readBundle } from '../../dist/model/index.js';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '8' }, seconds: { type: 'string', default: '6' } },
});
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
const load = loadavg()[0].toFixed(2);
const { config } = await loadConfig({ env: {}, flags: {} });
const { golden } = await readBundle(bundleFolder(config.model.bundles[0]));
const options = { texts: golden.map(({ text }) => text), qos: 0, deadlineMs: 10_000, outstanding: 64 };

async function subject(enabled) {
  const agent = await OwnAgent.start(['--set', `telemetry.enabled=${enabled}`]);
  const client = await LoadClient.connect(config, agent.url);
  await closedLoop(client, { ...options, seconds: 2 });
  return { agent, client };
}

async function rateOf({ client }) {
  const { perSecond, silent } = await closedLoop(client, { ...options, seconds });
  if (silent > 0) throw new Error(`${silent} requests were not answered`);
  return perSecond;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

const [on, off] = [await subject(true), await subject(false)];
const pairs = [];
for (let round = 0; round < rounds; round++) {
  // Who begins changes, so that what drifts falls on both.
  const first = round % 2 === 0 ? on : off;
  const one = await rateOf(first);
  const other = await rateOf(first === on ? off : on);
  const [withIt, without] = first === on ? [one, other] : [other, one];
  pairs.push({ withIt, without, share: withIt / without });
  console.log(
    `on ${withIt.toFixed(0)}/s, off ${without.toFixed(0)}/s: ${(100 * (withIt / without)).toFixed(1)} %`,
  );
}
await Promise.all([on, off].map(({ client }) => client.close()));
await Promise.all([on, off].map(({ agent }) => agent.stop()));
const shares = pairs.map(({ share }) => share);
console.log(
  `${availableParallelism()} cores of ${cpus()[0].model}, load ${load} before; Node.js ${process.versions.node}; ` +
    `${rounds} pairs of ${seconds} s; ${new Date().toISOString()}`,
);
const [withIt, without] = [
  median(pairs.map((pair) => pair.withIt)),
  median(pairs.map((pair) => pair.without)),
];
console.log(
  `median ${withIt.toFixed(0)}/s on, ${without.toFixed(0)}/s off: ${((100 * withIt) / without).toFixed(1)} %; of each pair ` +
    `median ${(100 * median(shares)).toFixed(1)} %, ${(100 * Math.min(...shares)).toFixed(1)} to ${(100 * Math.max(...shares)).toFixed(1)} %`,
);
