// The whole agent on a machine with a GPU: first start without an engine, requests over MQTT through the swap,
// second start from the cache, one bit changed in the plan, a killed builder and a killed worker.
//
//   node bench/engine/endToEnd.mjs OUT_FOLDER [BUNDLE [STATE_FOLDER]]        needs dist/ and build/Release/
//   EVALUATE=LABELLED_FILE evaluates the model on both engines as well; STEPS=first start,second start does these alone
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { answersByEngine, intentd, print, saidOf, withAgent as withAgentOf } from './agentUnderTest.mjs';

const [out = '.', bundle = 'builtin', folder] = process.argv.slice(2);
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

const withAgent = (name, work, ...settings) =>
  withAgentOf({ stateDir, name, out, bundle }, work, ...settings);

/** Waits until TensorRT serves, and says when. */
async function untilTensorRt(agent) {
  await agent.until(() => agent.serves('tensorrt'));
  const line = agent.lines('the next engine').findLast(({ engine }) => engine === 'tensorrt');
  print(`${agent.name}: TensorRT serves ${Date.parse(line?.time) - agent.startedAt} ms after the start`);
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
    print('engines left:', keys().length, '· still answers:', (await agent.ask()) !== undefined);
  }),
);
await step('first start', () =>
  withAgent('first-start', async (agent) => {
    const { kind } = await agent.status();
    print('serves first:', kind);
    await agent.load(() => agent.said(serves) || agent.said('no engine was built'));
    print(`built and swapped after ${agent.sinceMs()} ms`, JSON.stringify(await agent.status()));
    await agent.load((at) => at >= 3000);
    print('an answer:', JSON.stringify(agent.last));
  }),
);
for (const key of keys())
  copyFileSync(join(engines, key, 'report.json'), join(out, `report-${key.slice(0, 8)}.json`));
await step('second start', () =>
  withAgent('second-start', async (agent) => {
    await agent.ask();
    print(`first answer after ${agent.sinceMs()} ms by`, (await agent.status()).kind);
    await untilTensorRt(agent);
    await agent.load((at) => at >= 3000);
  }),
);
await step('killed worker', async () => {
  let since = 0;
  await withAgent('killed-worker', async (agent) => {
    await untilTensorRt(agent);
    const { worker } = await agent.status();
    since = Date.now();
    let isKilled = false;
    await agent.load((at) => {
      if (at >= 500 && !isKilled) {
        isKilled = process.kill(worker, 'SIGKILL');
      }
      const isBack = agent
        .lines('the next engine')
        .some(({ engine, pid }) => engine === 'tensorrt' && pid !== worker);
      return isBack && (agent.wasBackAt ??= at) + 500 <= at;
    });
  });
  print('the gap was carried:', saidOf(answersByEngine(stateDir, since)));
  const rows = intentd('log', '--json', '--limit', '1', '--state-dir', stateDir);
  print('a row:', rows.stdout.trim());
});
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
    print('serves:', (await agent.status()).kind);
    await agent.until(() => agent.said(serves) || agent.said('no engine was built'));
    print('refused:', agent.said('an engine is not loaded'));
    print(`rebuilt with the timing cache after ${agent.sinceMs()} ms:`, (await agent.status()).kind);
  });
});
