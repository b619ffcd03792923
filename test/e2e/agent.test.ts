import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';

const agent = new Agent();

beforeAll(async () => {
  await agent.start();
}, 120_000);

afterAll(async () => {
  await agent.end();
});

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
      'how do i say hello in french',
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
    await mqtt.publishAsync('hermes/nlu/query', '{"input":"tell me a joke","siteId":"kitchen"}');
    const [topic, payload] = await answered;
    expect(topic).toBe('hermes/intent/tell_joke');
    expect(JSON.parse(payload)).toMatchObject({ input: 'tell me a joke', siteId: 'kitchen' });
    await mqtt.endAsync();
  });

  it('keeps no text of an utterance in its log', () => {
    expect(JSON.stringify(agent.log)).not.toContain('joke');
  });
});

describe('an agent that cannot start', () => {
  it('says that the port is taken and what to do', async () => {
    const { status, err } = await intentd('run', ...agent.options, '--device', 'other');
    expect(status).toBe(1);
    expect(err).toContain(`Port ${agent.port} is taken`);
  }, 60_000);

  it('says what is wrong with its configuration', async () => {
    const { status, err } = await intentd('run', '--set', 'requests.queue=lots');
    expect(status).toBe(1);
    expect(err).toContain('--set requests.queue: requests.queue: Invalid input: expected number');
  });

  it('says that no agent runs where it is asked', async () => {
    const { status, err } = await intentd('ask', '--broker', 'mqtt://127.0.0.1:1', 'hello');
    expect(status).toBe(1);
    expect(err).toContain('No broker answers at 127.0.0.1:1');
  });
});
