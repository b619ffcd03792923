/**
 * What telemetry costs: answers a second over MQTT with it on and with it off, and processor time a request.
 *
 * Two agents, each with a process, a broker and a state directory of its own, take turns of little more than half a second
 * under the same load, 64 requests open at a time: on, off, off, on, again and again, so that a machine that grows faster or
 * slower does so for both. A round of sixteen turns is as long as the time between two commits, twice the default because
 * an agent works half of it: each commit writes what five seconds of load brought, and falls into a turn of its own agent.
 * So a round is a pair that holds all there is to pay for, and what is told is the median of the rounds' ratios. Rounds in
 * which other processes took more than a twentieth of the machine, or --others, are counted and left out: processor time
 * suffers less of them than throughput does.
 *
 *   npm run build && node bench/telemetry/cost.mjs [--rounds 17] [--keep FILE] [--others 0.05] [--meter] [--neither]
 *
 * --keep adds the rounds to a file, and tells of all in it: agents that were started once share what their memory looks like.
 * --meter lets the agent with telemetry sample the rails of a Jetson at 100 Hz, from files that stand still.
 * --neither switches it off in both agents: what the measurement says of no difference at all.
 */
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { closedLoop } from '../../dist/cli/bench/load.js';
import { LoadClient } from '../../dist/cli/bench/loadClient.js';
import { OwnAgent } from '../../dist/cli/bench/subject.js';
import { loadConfig } from '../../dist/config/index.js';
import { bundleFolder } from '../../dist/daemon.js';
import { readBundle } from '../../dist/model/index.js';
import { requestLogPath } from '../../dist/telemetry/index.js';
import { machineMs, processorMs } from './processorTime.mjs';
import { seeded } from './rows.mjs';

const commitMs = 10_000;
/** The turns of a round: whether telemetry is on. The commit falls into the first. */
const four = [true, false, false, true];
const turns = [...four, ...four, ...four, ...four];
const turnMs = commitMs / turns.length;
/** Set aside at the end of a turn for what is still on its way. */
const settleMs = 100;
/** From the beginning of the first turn to the commit: so it ends within the turn, too. */
const leadMs = 300;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '17' },
    keep: { type: 'string' },
    others: { type: 'string', default: '0.05' },
    meter: { type: 'boolean', default: false },
    neither: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const load = loadavg()[0].toFixed(2);
const { config } = await loadConfig({ env: {}, flags: {} });
const { golden } = await readBundle(bundleFolder(config.model.bundles[0]));
const options = { texts: golden.map(({ text }) => text), qos: 0, deadlineMs: 10_000, outstanding: 64 };
const sysfs = mkdtempSync(join(tmpdir(), 'intentd-rails-'));

function writeRails() {
  const board = join(sysfs, 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1');
  mkdirSync(board, { recursive: true });
  const rails = [
    ['VDD_IN', 1000],
    ['VDD_CPU_GPU_CV', 300],
    ['VDD_SOC', 250],
  ];
  writeFileSync(join(board, 'name'), 'ina3221\n');
  rails.forEach(([label, milliamperes], at) => {
    writeFileSync(join(board, `in${at + 1}_label`), `${label}\n`);
    writeFileSync(join(board, `in${at + 1}_input`), '5000\n');
    writeFileSync(join(board, `curr${at + 1}_input`), `${milliamperes}\n`);
  });
}

async function subject(enabled) {
  const settings = {
    'telemetry.enabled': enabled && !values.neither,
    'telemetry.commitSeconds': commitMs / 1000,
    'telemetry.meter': enabled && values.meter ? 'ina3221' : 'none',
    'telemetry.sysfs': sysfs,
  };
  const agent = await OwnAgent.start(
    Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
  );
  const client = await LoadClient.connect(config, agent.url);
  await closedLoop(client, { ...options, seconds: 3 });
  return { agent, client, rates: [], requests: 0 };
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));

/** One turn, which ends at `until`. */
async function turn(subject, until) {
  const { perSecond, answered, silent } = await closedLoop(subject.client, {
    ...options,
    seconds: (until - settleMs - performance.now()) / 1000,
  });
  if (silent > 0) throw new Error(`${silent} requests were not answered`);
  subject.requests += answered;
  subject.rates.push(perSecond);
  await sleep(until - performance.now());
}

/** Waits for the next commit; gives when it was seen. An agent with nothing to write commits nothing. */
async function commitOf({ agent, client }) {
  await closedLoop(client, { ...options, seconds: 0.3 });
  const changed = () =>
    statSync(`${requestLogPath(agent.stateDir)}-wal`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const before = changed();
  const patience = performance.now() + 3 * commitMs;
  while (changed() === before) {
    if (performance.now() > patience) throw new Error('the agent commits nothing');
    await sleep(20);
  }
  return performance.now();
}

/** Processor time of all that is not this measurement, in ms. */
function othersMs(...subjects) {
  const { user, system } = process.cpuUsage();
  const ours = subjects
    .map(({ agent }) => processorMs(agent.pid))
    .reduce((sum, { own, children }) => sum + own + children, 0);
  return machineMs() - ours - (user + system) / 1000;
}

/**
 * Answers a second while it was under load, processor time a request in µs, of the agent's process and of all of its, and
 * the share of the machine that others took.
 */
async function round(on, off, began) {
  const [otherwise, at] = [othersMs(on, off), performance.now()];
  for (const each of [on, off])
    Object.assign(each, { rates: [], requests: 0, before: processorMs(each.agent.pid) });
  for (const [place, enabled] of turns.entries())
    await turn(enabled ? on : off, began + (place + 1) * turnMs);
  const others = (othersMs(on, off) - otherwise) / ((performance.now() - at) * availableParallelism());
  const [withIt, without] = [on, off].map(({ agent, before, rates, requests }) => {
    const after = processorMs(agent.pid);
    const each = (name) => (1000 * (after[name] - before[name])) / requests;
    return { rate: mean(rates), agentUs: each('own'), allUs: each('own') + each('children'), requests };
  });
  return { on: withIt, off: without, others };
}

function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function quantile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Within what `figure` of the rounds lies in 95 of 100, were they drawn again from those that were seen. */
function interval(seen, figure) {
  const chance = seeded(1);
  const drawn = Array.from({ length: 4000 }, () =>
    figure(Array.from(seen, () => seen[Math.floor(chance() * seen.length)])),
  ).sort((a, b) => a - b);
  return [quantile(drawn, 0.025), quantile(drawn, 0.975)];
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

const between = ([low, high]) => `in 95 of 100 between ${percent(low)} and ${percent(high)}`;

/** How many times as much of it with telemetry as without: the median of the rounds, and the means of all. */
function tell(title, name, digits, unit) {
  const middle = (rounds) => median(rounds.map(({ on, off }) => on[name] / off[name]));
  const of = (rounds, which) => mean(rounds.map((round) => round[which][name]));
  const ratio = (rounds) => of(rounds, 'on') / of(rounds, 'off');
  console.log(
    `${title}: ${of(counted, 'on').toFixed(digits)} ${unit} on, ${of(counted, 'off').toFixed(digits)} ${unit} off\n` +
      `  median of the rounds ${percent(middle(counted))}, ${between(interval(counted, middle))}\n` +
      `  of the means         ${percent(ratio(counted))}, ${between(interval(counted, ratio))}`,
  );
}

writeRails();
const [on, off] = [await subject(true), await subject(false)];
const seen = [];
try {
  const first = values.neither ? performance.now() : await commitOf(on);
  const began = first + commitMs - leadMs;
  await sleep(began - performance.now());
  for (let at = 0; at < rounds; at++) {
    const one = await round(on, off, began + at * commitMs);
    seen.push(one);
    process.stderr.write(
      `round ${at + 1} of ${rounds}: on ${one.on.rate.toFixed(0)}/s, off ${one.off.rate.toFixed(0)}/s, ${percent(one.on.rate / one.off.rate)}, others ${percent(one.others)}\n`,
    );
  }
} finally {
  await Promise.all([on, off].map(({ client }) => client.close()));
  await Promise.all([on, off].map(({ agent }) => agent.stop()));
  rmSync(sysfs, { recursive: true });
}
let all = seen;
if (values.keep !== undefined) {
  appendFileSync(values.keep, seen.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const lines = readFileSync(values.keep, 'utf8').trimEnd().split('\n');
  all = lines.map((line) => JSON.parse(line));
}
const counted = all.filter(({ others }) => others <= Number(values.others));
console.log(
  `${availableParallelism()} cores of ${cpus()[0].model}, load ${load} before; Node.js ${process.versions.node}; ` +
    `${counted.length} rounds of ${turns.length} turns of ${turnMs / 1000} s, ` +
    `${all.length - counted.length} left out, others took ${percent(median(all.map(({ others }) => others)))} of the machine in the median round; ${new Date().toISOString()}`,
);
if (counted.length === 0) throw new Error('the machine was never alone with it');
tell('answers a second', 'rate', 0, '/s');
tell('processor time a request, agent and engine', 'allUs', 0, 'µs');
tell('of it the agent', 'agentUs', 1, 'µs');
