// Swaps the bundle that serves for another one, again and again, while an agent of its own is asked over MQTT as much
// as it can answer. Each swap is what an update does once its files are here: the other engine is loaded in a worker of
// its own, held to its gates, given a share of the traffic, let in, and the one before is let go.
//
//   node bench/updates/swaps.mjs [--swaps 100] [--engine onnxruntime|tensorrt] [--bundle FOLDER] [--only-requests] [--json]
//   node bench/updates/swaps.mjs --swaps 0 --seconds 230     # the same load as long without a swap, to hold memory against
//
// --collect has the agent collect its garbage before memory is looked at: what remains is held on to. --snapshots FOLDER
// writes a heap snapshot after the third swap and after the last.
//
// Needs dist/ (and build/Release/ for TensorRT, whose two engines are built first). Ends with 1 where a request is
// lost or answered twice, where memory grows, or where p99 during the swaps is more than twice the one before: that
// only on a machine that did nothing else before it began. With --only-requests neither time nor memory is judged.
import { fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { connectAsync } from 'mqtt';

const { values } = parseArgs({
  options: {
    swaps: { type: 'string', default: '100' },
    engine: { type: 'string', default: 'onnxruntime' },
    bundle: { type: 'string', default: 'models/clinc150-minilm-l6' },
    open: { type: 'string', default: '16' },
    seconds: { type: 'string', default: '0' },
    collect: { type: 'boolean', default: false },
    snapshots: { type: 'string' },
    'only-requests': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const swaps = Number(values.swaps);
/** How long there is load without a swap, looked at as often as with swaps. */
const withoutMs = Number(values.seconds) * 1000;
const lookMs = 2300;
const device = 'swaps';
const baselineMs = 10_000;
/** Share of the processors that a machine keeps busy which does nothing else. */
const idleShare = 0.1;
const work = mkdtempSync(join(tmpdir(), 'intentd-swaps-'));
const note = (text) => process.stderr.write(`${text}\n`);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The bundle as another version whose graph differs by a token of the window: the answers to short texts do not. */
function variant(name, version, windowEachSide) {
  const folder = join(work, name);
  cpSync(values.bundle, folder, { recursive: true });
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  manifest.version = version;
  manifest.attention.windowEachSide = windowEachSide;
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  writeFileSync(file, text);
  const digest = createHash('sha256').update(text).digest('hex');
  return { folder, version, digest, family: manifest.id };
}

class Agent {
  #calls = 0;
  #open = new Map();
  async start(bundle) {
    const settings = {
      stateDir: join(work, 'state'),
      device,
      'broker.embeddedPort': '0',
      'model.bundles': bundle,
      'engine.kind': values.engine,
      'log.level': 'warn',
      'requests.deadlineMs': '10000',
      'requests.maxDeadlineMs': '10000',
      // The table of answered requests is full before the first swap: what grows then is something else.
      'requests.duplicateSeconds': '10',
      'update.gates.utterances': '20',
      'update.gates.shadow.seconds': '1',
      'update.gates.shadow.minRequests': '10',
      'update.gates.shadow.requests': '20',
      'update.gates.probation.seconds': '0.2',
      // What the machine does beside is no reason to keep one of these out: what is measured is the others' p99.
      'update.gates.latencyP50Ratio': '20',
      'update.gates.latencyP99Ratio': '100',
      'update.gates.shadow.latencyRatio': '20',
      'update.gates.probation.p99Ratio': '100',
    };
    const script = fileURLToPath(new URL('../../test/support/hostedAgent.mjs', import.meta.url));
    this.child = fork(script, [JSON.stringify(settings)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    const { broker } = await new Promise((resolve, reject) => {
      this.child.once('exit', () => reject(new Error('the agent ended')));
      this.child.on('message', (message) => {
        if (message.ready) resolve(message.ready);
        else this.#open.get(message.n)?.(message);
      });
    });
    return broker;
  }
  async call(call, ...args) {
    const n = (this.#calls += 1);
    const reply = await new Promise((resolve) => {
      this.#open.set(n, resolve);
      this.child.send({ n, call, args });
    });
    this.#open.delete(n);
    if (reply.error) throw new Error(`${call}: ${reply.error.message}`);
    return reply.value;
  }
  async mustPass(call, ...args) {
    const figures = await this.call(call, ...args);
    const failed = figures.filter(({ passed }) => !passed);
    if (failed.length > 0) throw new Error(`${call}: ${failed.map(({ detail }) => detail).join(' ')}`);
  }
  async end() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGTERM');
    await ended;
  }
}

/** As many requests as keep `open` of them on their way; when each was sent and answered, and with what. */
async function loadOn(broker, texts, open) {
  const mqtt = await connectAsync(broker);
  const sent = new Map();
  const answers = new Map();
  let on = true;
  const send = () => {
    const id = String(sent.size);
    sent.set(id, performance.now());
    // Spread out: golden sets are in the order of their intents, and any second is to look like any other.
    const text = texts[(sent.size * 101) % texts.length];
    mqtt.publish(`intentd/${device}/request`, JSON.stringify({ id, text }), { qos: 1 });
  };
  mqtt.on('message', (_topic, payload) => {
    const at = performance.now();
    const { id, error, model } = JSON.parse(payload.toString());
    answers.set(id, [...(answers.get(id) ?? []), { at, error: error?.code, version: model?.version }]);
    if (on) send();
  });
  await mqtt.subscribeAsync(`intentd/${device}/response`, { qos: 1 });
  for (let at = 0; at < open; at++) send();
  return {
    sent,
    answers,
    async stop() {
      on = false;
      for (let tries = 0; tries < 1000 && answers.size < sent.size; tries++) await sleep(10);
      await mqtt.endAsync(true);
    },
  };
}

/** How busy the processors are, as a share; work that gives way to all other (`nice`) is none. */
async function busyShare(ms = 2000) {
  const read = () => {
    const [user, , system, idle, waiting, interrupts, soft, stolen] = readFileSync('/proc/stat', 'utf8')
      .split('\n')[0]
      .split(/ +/)
      .slice(1)
      .map(Number);
    return { busy: user + system + interrupts + soft + stolen, idle: idle + waiting };
  };
  const before = read();
  await sleep(ms);
  const now = read();
  const [busy, idle] = [now.busy - before.busy, now.idle - before.idle];
  return busy / (busy + idle);
}

/** Times of the requests that were on their way at some moment between the two, in milliseconds. */
function timesBetween({ sent, answers }, from, to) {
  const times = [];
  for (const [id, [first]] of answers) {
    const began = sent.get(id);
    if (first.at >= from && began <= to) times.push(first.at - began);
  }
  return times;
}

function percentile(times, percent) {
  const sorted = Float64Array.from(times).sort();
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? NaN;
}

/** Processes below the process, and what they and it have resident, in MiB. */
function memoryOf(pid) {
  const children = readdirSync('/proc').filter((name) => {
    try {
      return (
        /^\d+$/.test(name) &&
        readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1).split(' ')[1] === String(pid)
      );
    } catch {
      return false;
    }
  });
  const mib = (one) =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${one}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  return {
    workers: children.length,
    agentMib: mib(pid),
    workersMib: children.map(mib).reduce((sum, one) => sum + one, 0),
  };
}

/** What memory is once the worker before has ended; of the agent also what V8 knows, in MiB. */
async function settledMemory(agent) {
  const { pid } = agent.child;
  for (let tries = 0; tries < 200 && memoryOf(pid).workers > 1; tries++) await sleep(10);
  const { heapUsed, heapTotal, external } = await agent.call('memory', values.collect);
  const [heapUsedMib, heapMib, externalMib] = [heapUsed, heapTotal, external].map((bytes) => bytes / 2 ** 20);
  return { ...memoryOf(pid), heapUsedMib, heapMib, externalMib };
}

async function measure() {
  const bundles = [variant('a', '1.0.1', 64), variant('b', '1.0.2', 63)];
  const golden = readFileSync(join(bundles[0].folder, 'golden.jsonl'), 'utf8').trimEnd().split('\n');
  const texts = golden.map((line) => JSON.parse(line).text);
  const busyBefore = await busyShare();
  const agent = new Agent();
  const broker = await agent.start(bundles[0].folder);
  // As an update leaves them: an agent that starts would remove what nothing names.
  for (const { folder, digest } of bundles)
    cpSync(folder, join(work, 'state', 'models', digest), { recursive: true });
  if (values.engine === 'tensorrt') {
    note('building both engines');
    for (const { digest } of [bundles[1], bundles[0]]) await agent.call('build', digest);
  }
  const load = await loadOn(broker, texts, Number(values.open));
  await sleep(2000);
  const from = performance.now();
  await sleep(baselineMs);
  const before = timesBetween(load, from, performance.now());
  const [during, moment, memory] = [[], [], []];
  const [swapsMs, stagesMs] = [[], []];
  for (let at = 1; at <= swaps; at++) {
    const { digest, family } = bundles[at % 2];
    const began = performance.now();
    await agent.mustPass('stage', digest);
    const staged = performance.now();
    await agent.mustPass('shadow', digest);
    const letIn = performance.now();
    await agent.call('activate', family, digest);
    await agent.mustPass('probation', family, digest);
    await agent.call('settle', family);
    const ended = performance.now();
    during.push([began, ended]);
    moment.push([letIn, ended]);
    swapsMs.push(ended - began);
    stagesMs.push(staged - began);
    memory.push(await settledMemory(agent));
    if (values.snapshots !== undefined && (at === 3 || at === swaps))
      await agent.call('snapshot', join(values.snapshots, `swap-${at}.heapsnapshot`));
    if (at % 10 === 0 || swaps <= 10) note(`${at} of ${swaps} swaps`);
  }
  for (const until = performance.now() + withoutMs; performance.now() < until;) {
    await sleep(lookMs);
    memory.push(await settledMemory(agent));
  }
  await load.stop();
  await agent.end();
  const within = (spans) => spans.flatMap(([a, b]) => timesBetween(load, a, b));
  const said = [...load.answers.values()];
  const versions = new Map();
  for (const [{ version, error }] of said)
    versions.set(error ?? version, (versions.get(error ?? version) ?? 0) + 1);
  const third = memory[Math.min(2, memory.length - 1)];
  const last = memory.at(-1);
  return {
    command: `node bench/updates/swaps.mjs ${process.argv.slice(2).join(' ')}`.trim(),
    machine: `${cpus().length} × ${cpus()[0].model.trim()}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    busyBefore,
    engine: values.engine,
    swaps,
    swapMs: percentile(swapsMs, 50),
    stageMs: percentile(stagesMs, 50),
    requests: load.sent.size,
    lost: load.sent.size - load.answers.size,
    refused: said.filter(([{ error }]) => error !== undefined).length,
    twice: said.filter((answers) => answers.length > 1).length,
    versions: Object.fromEntries(versions),
    perSecondBefore: (before.length * 1000) / baselineMs,
    p50BeforeMs: percentile(before, 50),
    p99BeforeMs: percentile(before, 99),
    p50DuringMs: percentile(within(during), 50),
    p99DuringMs: percentile(within(during), 99),
    p99LetInMs: percentile(within(moment), 99),
    slowestMs: percentile(within(during), 100),
    third,
    last,
    everyTenth: Object.fromEntries(
      ['agentMib', 'heapUsedMib', 'heapMib', 'externalMib', 'workersMib'].map((name) => [
        name,
        memory
          .filter((_, at) => at === 2 || (at + 1) % 10 === 0)
          .map((one) => Math.round(one[name] * 10) / 10),
      ]),
    ),
  };
}

/** What does not hold, in words. */
function faultsOf(figures) {
  const { busyBefore, lost, twice, refused, p99DuringMs, p99BeforeMs, third, last } = figures;
  const faults = [];
  if (lost > 0) faults.push(`${lost} requests have no answer`);
  if (refused > 0) faults.push(`${refused} requests were refused`);
  if (twice > 0) faults.push(`${twice} requests have more than one answer`);
  if (last.workers !== third.workers)
    faults.push(`there are ${last.workers} workers, and were ${third.workers}`);
  if (values['only-requests']) return faults;
  // Beside other work a second engine that starts says more of that work than of the swap.
  if (busyBefore < idleShare && p99DuringMs > 2 * p99BeforeMs)
    faults.push('p99 during the swaps is more than twice the one before');
  const grown = last.agentMib + last.workersMib - third.agentMib - third.workersMib;
  const allowed = 0.1 * (third.agentMib + third.workersMib);
  if (grown > allowed) faults.push(`memory grew by ${grown.toFixed(0)} MiB`);
  return faults;
}

try {
  const figures = await measure();
  const faults = faultsOf(figures);
  if (values.json) process.stdout.write(`${JSON.stringify({ ...figures, faults }, null, 2)}\n`);
  else {
    for (const [name, value] of Object.entries(figures)) {
      const text = typeof value === 'object' ? JSON.stringify(value) : value;
      process.stdout.write(
        `${name.padEnd(18)}${typeof value === 'number' ? Math.round(value * 100) / 100 : text}\n`,
      );
    }
    for (const fault of faults) process.stdout.write(`NOT MET: ${fault}\n`);
  }
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
