// The whole agent on a machine with a GPU: first start without an engine, requests over MQTT through the swap,
// second start from the cache, one bit changed in the plan, a killed builder and a killed worker.
//
//   node bench/engine/endToEnd.mjs OUT_FOLDER [BUNDLE [STATE_FOLDER]]        needs dist/ and build/Release/
//   EVALUATE=LABELLED_FILE evaluates the model on both engines as well; STEPS=first start,second start does these alone
import { spawn, execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';

const [out = '.', bundle = 'builtin', folder] = process.argv.slice(2);
const texts = [
  'how much is left in my checking account today',
  'put some jazz on in the living room please',
  'will it rain in the city tomorrow',
  'set a timer',
];
let port = 18830;
const print = (...words) => console.log(...words);

class Agent {
  log = [];
  asked = 0;
  constructor(stateDir, name) {
    Object.assign(this, { stateDir, name, port: port++ });
  }
  get settings() {
    return ['--state-dir', this.stateDir, '--device', 'gpu', '--set', `broker.embeddedPort=${this.port}`];
  }
  async start(...more) {
    this.began = performance.now();
    const args = ['dist/main.js', 'run', ...this.settings, '--set', `model.bundles=${bundle}`];
    const patient = ['--set', 'requests.deadlineMs=2000', ...more];
    this.child = spawn(process.execPath, [...args, ...patient], { stdio: ['ignore', 'ignore', 'pipe'] });
    const file = openSync(join(out, `${this.name}.log`), 'w');
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
    await this.client.subscribeAsync('intentd/gpu/#');
    this.waiting = new Map();
    this.client.on('message', (topic, payload) => {
      const answer = topic.includes('response') || topic.includes('answer') ? JSON.parse(payload) : {};
      this.waiting.get(answer.id)?.(answer);
    });
  }
  sinceMs = () => Math.round(performance.now() - this.began);
  said = (message) => this.log.some(({ msg }) => String(msg).startsWith(message));
  async until(condition, ms = 300_000) {
    const end = performance.now() + ms;
    while (!condition()) {
      if (performance.now() > end || this.child.exitCode !== null)
        throw new Error(`${this.name}: it never came`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  /** Asks one; gives milliseconds, or undefined where no answer came. */
  async ask(id) {
    const start = performance.now();
    const answer = await new Promise((resolve) => {
      this.waiting.set(id, resolve);
      setTimeout(resolve, 3000);
      this.client.publish(
        'intentd/gpu/request',
        JSON.stringify({ id, text: texts[id.length % texts.length] }),
        {
          qos: 0,
        },
      );
    });
    this.waiting.delete(id);
    this.last = answer;
    if (answer === undefined || answer.error !== undefined) return undefined;
    return performance.now() - start;
  }
  async load(condition) {
    const [times, lost] = [[], []];
    for (let at = 0; !condition(at); at++) {
      // An id that was asked before is answered from memory.
      const ms = await this.ask(`${this.name}-${this.asked++}`);
      if (ms === undefined) lost.push(at);
      else times.push(ms);
    }
    times.sort((a, b) => a - b);
    const share = (of) => times[Math.ceil(of * times.length) - 1]?.toFixed(3);
    print(
      `${this.name}: ${times.length} answered, ${lost.length} lost, p50 ${share(0.5)} ms, p99 ${share(0.99)} ms`,
    );
  }
  status() {
    const run = [
      process.execPath,
      ['dist/main.js', 'engine', 'status', '--json', '--state-dir', this.stateDir],
    ];
    return JSON.parse(execFileSync(...run, { encoding: 'utf8' })).engines[0];
  }
  async end(signal = 'SIGTERM') {
    await this.client?.endAsync(true);
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill(signal);
    await ended;
  }
}

const asked = process.env.STEPS?.split(',');

async function step(name, work) {
  if (asked !== undefined && !asked.includes(name)) return;
  try {
    print(`== ${name}`);
    await work();
  } catch (error) {
    print(`FAIL ${name}: ${error.message}`);
  }
}

const serves = 'the engine that was built serves';
const stateDir = folder ?? mkdtempSync(join(tmpdir(), 'intentd-gpu-'));
mkdirSync(stateDir, { recursive: true });
const engines = join(stateDir, 'engines');
const keys = () => readdirSync(engines).filter((name) => name.length === 64);

async function withAgent(name, work, ...more) {
  const agent = new Agent(stateDir, name);
  try {
    await agent.start(...more);
    await work(agent);
  } finally {
    await agent.end();
  }
}

await step('killed builder', () =>
  withAgent('killed-builder', async (agent) => {
    await agent.until(() => agent.said('the engine is being built: building'));
    const children = spawnSync('ps', ['--ppid', String(agent.child.pid), '-o', 'pid=,args='], {
      encoding: 'utf8',
    });
    const line = children.stdout.split('\n').find((one) => one.includes('builder/main.js'));
    process.kill(Number.parseInt(line, 10), 'SIGKILL');
    await agent.until(() => agent.said('no engine was built'));
    print('engines left:', keys().length, '· still answers:', (await agent.ask('after-kill')) !== undefined);
  }),
);
await step('first start', () =>
  withAgent('first-start', async (agent) => {
    const { kind } = agent.status();
    print('serves first:', kind);
    await agent.load(() => agent.said(serves) || agent.said('no engine was built'));
    print(`built and swapped after ${agent.sinceMs()} ms`, JSON.stringify(agent.status()));
    await agent.load((at) => at >= 3000);
    print('an answer:', JSON.stringify(agent.last));
  }),
);
for (const key of keys())
  copyFileSync(join(engines, key, 'report.json'), join(out, `report-${key.slice(0, 8)}.json`));
await step('second start', () =>
  withAgent('second-start', async (agent) => {
    await agent.ask('first');
    print(`first answer after ${agent.sinceMs()} ms by`, agent.status().kind);
    await agent.load((at) => at >= 3000);
    process.kill(agent.status().worker, 'SIGKILL');
    const answered = await agent.ask('again');
    const came =
      answered === undefined ? (agent.last?.error?.code ?? 'nothing') : `${answered.toFixed(1)} ms`;
    print('after a killed worker:', came, agent.status().kind);
    const rows = spawnSync(process.execPath, ['dist/main.js', 'log', '--json', '--state-dir', stateDir], {
      encoding: 'utf8',
    });
    print('a row:', rows.stdout.trim().split('\n').at(-1));
  }),
);
const data = process.env.EVALUATE;
if (data !== undefined && existsSync(data)) {
  await step('model evaluate', () => {
    for (const engine of ['cpu', 'tensorrt']) {
      const args = [
        'model',
        'evaluate',
        'models/clinc150-minilm-l6',
        data,
        '--split',
        'val',
        '--engine',
        engine,
      ];
      const run = spawnSync(process.execPath, ['dist/main.js', ...args, '--state-dir', stateDir], {
        encoding: 'utf8',
      });
      writeFileSync(join(out, `evaluate-${engine}.txt`), run.stdout + run.stderr);
      print(engine, (run.stdout + run.stderr).split('\n').slice(0, 10).join('\n'));
    }
  });
}
await step('one bit of the plan', async () => {
  const plan = join(engines, keys()[0], 'plan');
  const bytes = readFileSync(plan);
  bytes[bytes.length >> 1] ^= 1;
  chmodSync(plan, 0o640);
  writeFileSync(plan, bytes);
  await withAgent('changed-plan', async (agent) => {
    print('refused:', agent.said('an engine is not loaded'), '· serves:', agent.status().kind);
    await agent.until(() => agent.said(serves) || agent.said('no engine was built'));
    print(`rebuilt with the timing cache after ${agent.sinceMs()} ms:`, agent.status().kind);
  });
});
