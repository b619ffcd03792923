// An agent of dist/ that a measurement starts, asks over MQTT and ends; shared by endToEnd.mjs and faultsOnGpu.mjs.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectAsync } from 'mqtt';

const texts = [
  'how much is left in my checking account today',
  'put some jazz on in the living room please',
  'will it rain in the city tomorrow',
  'set a timer',
];

export const print = (...words) => console.log(...words);

export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs the command line and gives what it wrote; what it says of an error is in `stderr`. */
export function intentd(...args) {
  return spawnSync(process.execPath, ['dist/main.js', ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
}

export class Agent {
  log = [];
  asked = 0;
  isEnding = false;
  constructor({ stateDir, name, out, bundle }) {
    Object.assign(this, { stateDir, name, out, bundle });
  }
  get settings() {
    return ['--state-dir', this.stateDir, '--device', 'gpu', '--set', `broker.embeddedPort=${this.port}`];
  }
  async start(...more) {
    this.port = await freePort();
    [this.began, this.startedAt] = [performance.now(), Date.now()];
    const args = ['dist/main.js', 'run', ...this.settings, '--set', `model.bundles=${this.bundle}`];
    const patient = [
      '--set',
      'requests.deadlineMs=2000',
      '--set',
      'web.port=0',
      '--set',
      'log.level=debug',
      ...more,
    ];
    this.child = spawn(process.execPath, [...args, ...patient], { stdio: ['ignore', 'ignore', 'pipe'] });
    const file = openSync(join(this.out, `${this.name}.log`), 'w');
    let rest = '';
    this.child.stderr.on('data', (chunk) => {
      writeFileSync(file, chunk);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const line of lines) if (line.startsWith('{')) this.log.push(JSON.parse(line));
    });
    await this.until(() => this.said('ready'), 60_000);
    print(`${this.name}: ready after ${this.sinceMs()} ms`);
    this.client = await connectAsync(`mqtt://127.0.0.1:${this.port}`);
    this.waiting = new Map();
    this.client.on('message', (topic, payload) => {
      if (topic.endsWith('/state')) this.state = String(payload);
      const answer = topic.endsWith('/response') ? JSON.parse(payload) : {};
      this.waiting.get(answer.id)?.(answer);
    });
    await this.client.subscribeAsync('intentd/gpu/#');
  }
  sinceMs = () => Math.round(performance.now() - this.began);
  lines = (message) => this.log.filter(({ msg }) => String(msg).startsWith(message));
  said = (message) => this.lines(message).length > 0;
  /** @param condition may be asynchronous */
  async until(condition, ms = 300_000) {
    const end = performance.now() + ms;
    while (!(await condition())) {
      if (performance.now() > end || this.child.exitCode !== null)
        throw new Error(`${this.name}: it never came; its last word: ${this.log.at(-1)?.msg ?? 'none'}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  /** Asks one; gives milliseconds, or undefined where no engine answered. */
  async ask(id = `${this.name}-${this.asked++}`) {
    const start = performance.now();
    const answer = await new Promise((resolve) => {
      this.waiting.set(id, resolve);
      setTimeout(resolve, 3000);
      const request = JSON.stringify({ id, text: texts[id.length % texts.length] });
      this.client.publish('intentd/gpu/request', request, { qos: 0 });
    });
    this.waiting.delete(id);
    this.last = answer;
    if (answer === undefined || answer.error !== undefined) return undefined;
    return performance.now() - start;
  }
  /** Asks without end, so many open at a time, until the condition holds; prints and gives what came of them. */
  async load(condition, { open = 1, pauseMs = 0 } = {}) {
    const [times, lost] = [[], []];
    let [at, done] = [0, false];
    const asker = async () => {
      for (;;) {
        done ||= this.isEnding || (await condition(at));
        if (done) return;
        at++;
        // An id that was asked before is answered from memory.
        const ms = await this.ask();
        if (ms === undefined) lost.push(this.last?.error?.code ?? 'nothing');
        else times.push(ms);
        if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    };
    await Promise.all(Array.from({ length: open }, asker));
    times.sort((a, b) => a - b);
    const share = (of) => times[Math.ceil(of * times.length) - 1]?.toFixed(3);
    const none = lost.length === 0 ? '' : ` (${[...new Set(lost)].join(', ')})`;
    print(
      `${this.name}: ${times.length} answered, ${lost.length} lost${none}, p50 ${share(0.5)} ms, p99 ${share(0.99)} ms, slowest ${share(1)} ms`,
    );
    return { answered: times.length, lost: lost.length, slowestMs: times.at(-1) ?? Infinity };
  }
  /** What serves, asked of the program each time: some 100 ms, in which this process goes on. */
  async status() {
    const args = ['dist/main.js', 'engine', 'status', '--json', '--state-dir', this.stateDir];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout).engines[0];
  }
  serves = async (kind) => (await this.status())?.kind === kind;
  async end(signal = 'SIGTERM') {
    this.isEnding = true;
    await this.client?.endAsync(true);
    if (this.child === undefined || this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill(signal);
    await ended;
  }
}

/** Runs `work` with an agent, which is ended whatever comes of it. */
export async function withAgent(options, work, ...settings) {
  const agent = new Agent(options);
  try {
    await agent.start(...settings);
    return await work(agent);
  } finally {
    await agent.end();
  }
}

/** Which engines answered in which order, by the request log since a time: `[{engine, answers, slowestMs}]`. */
export function answersByEngine(stateDir, since) {
  const args = ['log', '--json', '--limit', '1000000', '--state-dir', stateDir];
  const rows = intentd(...args)
    .stdout.trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter((row) => new Date(row.time).getTime() >= since && row.error === null);
  const runs = [];
  for (const { engine, totalUs } of rows) {
    if (runs.at(-1)?.engine !== engine) runs.push({ engine, answers: 0, slowestMs: 0 });
    const run = runs.at(-1);
    run.answers += 1;
    run.slowestMs = Math.max(run.slowestMs, totalUs / 1000);
  }
  return runs;
}

export function saidOf(runs) {
  return runs
    .map(({ engine, answers, slowestMs }) => `${engine} ${answers} (slowest ${slowestMs.toFixed(1)} ms)`)
    .join(', then ');
}
