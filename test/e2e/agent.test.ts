import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';
import { until } from '../support/until.js';

const agent = new Agent();
const emptyFolder = () => mkdtempSync(join(tmpdir(), 'intentd-agent-'));

beforeAll(async () => {
  await agent.start();
}, 120_000);

afterAll(async () => {
  await agent.end();
});

/** Resident memory of a process, in MB of 1,000,000 bytes. */
function residentMb(pid: number): number {
  return (Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024) / 1e6;
}

describe('a running agent', () => {
  it('tells a person what a text means', async () => {
    const { status, out } = await intentd('ask', ...agent.options, 'what', 'is', 'my', 'account', 'balance');
    expect(status).toBe(0);
    expect(out).toMatch(/^balance 9\d\.\d %\n/);
  });

  it('gives a program the whole answer', async () => {
    const { status, out } = await intentd(
      'ask',
      ...agent.options,
      '--json',
      '--top',
      '2',
      'how would a frenchman say hello',
    );
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      device: 'agent',
      intent: 'translate',
      outOfScope: false,
      alternatives: [{}, {}],
      model: { id: 'clinc150-minilm-l6' },
      energyMj: null,
    });
  });

  it('says what is out of scope', async () => {
    const { out } = await intentd('ask', ...agent.options, '--json', 'qwertz uiop asdf lkjh');
    expect(JSON.parse(out)).toMatchObject({ intent: null, outOfScope: true });
  });

  it.skipIf(process.platform !== 'linux')(
    'takes at most 90 MB once it has rested',
    async () => {
      await until(() => residentMb(agent.pid) <= 90, 30_000);
    },
    40_000,
  );

  it('refuses what it cannot do, with the exit status of a failure', async () => {
    const { status, err } = await intentd('ask', ...agent.options, '--model', 'other', 'hello');
    expect(status).toBe(1);
    expect(err).toContain('No model "other" is loaded.');
  });

  it('answers a Hermes query on the topics of its intent', async () => {
    const mqtt = await connectAsync(agent.url);
    const answered = new Promise<[string, string]>((resolve) => {
      mqtt.on('message', (topic, payload) => {
        resolve([topic, payload.toString()]);
      });
    });
    await mqtt.subscribeAsync('hermes/intent/#');
    await mqtt.publishAsync(
      'hermes/nlu/query',
      '{"input":"crack a joke for the two of us","siteId":"kitchen"}',
    );
    const [topic, payload] = await answered;
    expect(topic).toBe('hermes/intent/tell_joke');
    expect(JSON.parse(payload)).toMatchObject({ input: 'crack a joke for the two of us', siteId: 'kitchen' });
    await mqtt.endAsync();
  });

  it('says of itself, retained, how it is and what serves, and publishes figures', async () => {
    const mqtt = await connectAsync(agent.url);
    const heard = new Map<string, string>();
    mqtt.on('message', (topic, payload) => heard.set(topic.split('/')[2]!, payload.toString()));
    await mqtt.subscribeAsync('intentd/agent/+', { qos: 1 });
    for (let tries = 0; tries < 1200 && !heard.has('metrics'); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await mqtt.endAsync();
    expect(heard.get('state')).toBe('online');
    expect(JSON.parse(heard.get('engine')!)).toMatchObject({ phase: 'ready', percent: 100 });
    expect(JSON.parse(heard.get('info')!)).toMatchObject({
      device: 'agent',
      models: [{ id: 'clinc150-minilm-l6', engine: 'onnxruntime', precision: 'int8', default: true }],
    });
    expect(JSON.parse(heard.get('metrics')!)).toMatchObject({ railsW: null, queued: 0, dropped: 0 });
  });

  it('keeps no text of an utterance in its log', () => {
    expect(JSON.stringify(agent.log)).not.toContain('joke');
  });
});

describe('the log of a running agent', () => {
  it('shows requests and their figures while the agent runs', async () => {
    const quick = new Agent();
    await quick.start('--set', 'telemetry.commitSeconds=0.1');
    for (let i = 0; i < 3; i++) await intentd('ask', ...quick.options, 'crack a joke for the two of us');
    await intentd('ask', ...quick.options, '--model', 'other', 'hello');
    const at = ['--state-dir', quick.stateDir];

    let json = await intentd('log', ...at, '--json');
    // The rows of the last commit follow a moment after their answers.
    for (let tries = 0; tries < 20 && json.out.split('\n').length <= 4; tries++) {
      json = await intentd('log', ...at, '--json');
    }
    const rows = json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(rows).toHaveLength(4);
    expect(rows[0]).toMatchObject({
      intent: 'tell_joke',
      dialect: 'native',
      batchSize: 1,
      energyMj: null,
      text: null,
    });
    expect(rows[3]).toMatchObject({ intent: null, error: 'bad_request' });

    const table = await intentd('log', ...at, '--errors');
    expect(table.out.split('\n')[1]).toContain('bad_request');
    expect(Math.max(...table.out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await intentd('log', ...at, '--csv')).out.split('\n')[0]).toMatch(/^id,time,requestId,/);

    const stats = await intentd('stats', ...at, '--by', 'intent', '--json');
    expect(JSON.parse(stats.out)).toMatchObject([
      { group: 'tell_joke', count: 3, errors: 0, outOfScope: 0 },
      { group: null, count: 1, errors: 1 },
    ]);
    expect(await quick.end()).toBe(0);
  }, 60_000);

  it('is missed with a clear error where no agent ran', async () => {
    const { status, err } = await intentd('stats', '--state-dir', '/nowhere');
    expect(status).toBe(1);
    expect(err).toContain('There is no request log at /nowhere/intentd.db');
  });
});

describe('the demo', () => {
  it('prints answers over MQTT, then the same from the log, and leaves nothing behind', async () => {
    const { status, out } = await intentd('demo');
    expect(status).toBe(0);
    const [overMqtt, fromLog] = out.split('From the log');
    for (const part of [overMqtt!, fromLog!]) {
      for (const intent of ['balance', 'transfer', 'translate', 'tell_joke', 'report_lost_card']) {
        expect(part).toContain(intent);
      }
    }
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  }, 60_000);
});

describe('an agent that cannot start', () => {
  it('says that the port is taken and what to do', async () => {
    const { status, err } = await intentd('run', ...agent.options, '--state-dir', emptyFolder());
    expect(status).toBe(1);
    expect(err).toContain(`Port ${agent.port} is taken`);
  }, 60_000);

  it('says that another one runs on its state directory', async () => {
    const { status, err } = await intentd('run', ...agent.options, '--set', 'broker.embeddedPort=0');
    expect(status).toBe(1);
    expect(err).toContain(`Another agent runs here and listens on ${agent.stateDir}/control.sock`);
    expect((await intentd('ask', ...agent.options, 'hello')).status).toBe(0);
  }, 60_000);

  it('says what is wrong with its configuration', async () => {
    const { status, err } = await intentd('run', '--set', 'requests.queue=lots');
    expect(status).toBe(1);
    expect(err).toContain('--set requests.queue: requests.queue must be of type number, not "lots"');
  });

  it('says that no agent runs where it is asked', async () => {
    const { status, err } = await intentd('ask', '--broker', 'mqtt://127.0.0.1:1', 'hello');
    expect(status).toBe(1);
    expect(err).toContain('No broker answers at 127.0.0.1:1');
  });
});
