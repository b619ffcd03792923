import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';
import { otherBundle } from '../support/otherBundle.js';
import { until } from '../support/until.js';

const name = 'clinc150-minilm-l6';
const agents: Agent[] = [];
const clients: MqttClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.endAsync(true);
  for (const agent of agents.splice(0)) await agent.end('SIGKILL');
});

async function started(...more: string[]): Promise<Agent> {
  const agent = new Agent();
  agents.push(agent);
  await agent.start(...more);
  return agent;
}

/** What a command prints under `--json`, asked of an agent. */
async function asked<T>(agent: Agent, ...args: string[]): Promise<T> {
  const { status, out, err } = await intentd(...args, '--state-dir', agent.stateDir, '--json');
  if (status !== 0) throw new Error(err);
  return JSON.parse(out) as T;
}

interface Status {
  engines: { worker: number; generation: number; inFlight: number; heads: { name: string }[] }[];
}
interface Listed {
  name: string;
  version: string;
  digest: string;
  source: string;
  previous: string | null;
}

interface Answers {
  /** Versions of the answers, in the order they came, by request id. */
  readonly versions: Map<string, string[]>;
  /** Sends requests until called, then waits for all answers; gives the number sent. */
  readonly finish: () => Promise<number>;
}

/** Requests without pause, some always on their way. */
async function underLoad(agent: Agent): Promise<Answers> {
  const mqtt = await connectAsync(agent.url);
  clients.push(mqtt);
  const versions = new Map<string, string[]>();
  let [sent, stopped] = [0, false];
  const send = (): void => {
    sent += 1;
    const request = { text: 'crack a joke for the two of us', id: String(sent) };
    mqtt.publish(`intentd/${agent.device}/request`, JSON.stringify(request), { qos: 1 });
  };
  mqtt.on('message', (_topic, payload) => {
    const answer = JSON.parse(payload.toString()) as {
      id: string;
      error?: { code: string };
      model?: { version: string };
    };
    const said = answer.error?.code ?? answer.model!.version;
    versions.set(answer.id, [...(versions.get(answer.id) ?? []), said]);
    if (!stopped) send();
  });
  await mqtt.subscribeAsync(`intentd/${agent.device}/response`, { qos: 1 });
  for (let i = 0; i < 16; i++) send();
  return {
    versions,
    finish: async () => {
      // Some that come after whatever the load was for.
      const before = versions.size;
      await until(() => versions.size >= before + 64);
      stopped = true;
      await until(() => versions.size >= sent);
      return sent;
    },
  };
}

describe('a model loaded into a running agent', () => {
  it.each([
    ['with the same encoder', {}, 1],
    ['with another encoder', { windowEachSide: 32 }, 1],
  ])(
    '%s takes over under load: every request is answered once, by the old or the new one',
    async (_, changes, workers) => {
      const agent = await started();
      const load = await underLoad(agent);
      const bundle = otherBundle({ version: '1.0.1', ...changes });
      expect(await asked(agent, 'model', 'load', bundle)).toMatchObject({ version: '1.0.1', changed: true });
      const sent = await load.finish();
      const said = [...load.versions.values()];
      expect(said).toHaveLength(sent);
      expect(said.every((versions) => versions.length === 1)).toBe(true);
      expect(new Set(said.flat())).toEqual(new Set(['1.0.0', '1.0.1']));
      expect(said.at(-1)).toEqual(['1.0.1']);
      const { engines } = await asked<Status>(agent, 'engine', 'status');
      expect(engines).toHaveLength(workers);
      expect(engines[0]!.heads).toHaveLength(1);
    },
    120_000,
  );

  it('survives restarts, can be rolled back and dropped, and needs its folder no more', async () => {
    const agent = await started();
    const list = () => asked<Listed[]>(agent, 'model', 'list');
    const [before] = await list();
    expect(before).toMatchObject({ name, source: 'configured', previous: null });
    const bundle = otherBundle({ version: '1.0.1' });
    await asked(agent, 'model', 'load', bundle);
    rmSync(bundle, { recursive: true });
    await agent.end('SIGKILL');
    await agent.start();
    expect(await list()).toMatchObject([{ version: '1.0.1', source: 'loaded', previous: before!.digest }]);
    await asked(agent, 'model', 'rollback', name);
    expect(await list()).toMatchObject([{ version: '1.0.0', digest: before!.digest }]);
    await asked(agent, 'model', 'rollback', name);
    expect(await list()).toMatchObject([{ version: '1.0.1' }]);
    await asked(agent, 'model', 'drop', name);
    expect(await list()).toEqual([before]);
    expect(readdirSync(join(agent.stateDir, 'models'))).toEqual([]);
    await expect(asked(agent, 'model', 'drop', name)).rejects.toThrow('[configured]');
    await expect(asked(agent, 'model', 'rollback', name)).rejects.toThrow('[no_previous]');
    await expect(asked(agent, 'model', 'drop', 'other')).rejects.toThrow('[unknown_model]');
  }, 180_000);

  it('serves beside the others under a name of its own, on the same worker', async () => {
    const agent = await started();
    await asked(agent, 'model', 'load', otherBundle({ version: '2.0.0' }), '--name', 'home');
    const { engines } = await asked<Status>(agent, 'engine', 'status');
    expect(engines.map(({ heads }) => heads.map((head) => head.name))).toEqual([[name, 'home']]);
    expect(process.kill(engines[0]!.worker, 0)).toBe(true);
    const text = 'crack a joke for the two of us';
    const answer = (await intentd('ask', ...agent.options, '--model', 'home', '--json', text)).out;
    expect(JSON.parse(answer)).toMatchObject({
      intent: 'tell_joke',
      model: { id: 'home', version: '2.0.0' },
    });
    await asked(agent, 'model', 'drop', 'home');
    expect((await intentd('ask', ...agent.options, '--model', 'home', text)).err).toContain('bad_request');
  }, 120_000);

  it('that was damaged in the state directory gives way to the one before', async () => {
    const agent = await started();
    const { digest } = await asked<Listed>(agent, 'model', 'load', otherBundle({ version: '1.0.1' }));
    await agent.end();
    const labels = join(agent.stateDir, 'models', digest, 'labels.json');
    rmSync(labels);
    writeFileSync(labels, '[]');
    await agent.start();
    expect(await asked(agent, 'model', 'list')).toMatchObject([{ version: '1.0.0' }]);
    expect(agent.log.some(({ msg }) => msg === 'a bundle was refused')).toBe(true);
  }, 120_000);

  it('is forgotten, and the configured one serves, where active.json cannot be read', async () => {
    const agent = new Agent();
    agents.push(agent);
    writeFileSync(join(agent.stateDir, 'active.json'), '{"format":1,"models":{"a"');
    await agent.start();
    expect(await asked(agent, 'model', 'list')).toMatchObject([{ name, source: 'configured' }]);
    expect(existsSync(join(agent.stateDir, 'active.json.broken'))).toBe(true);
  }, 60_000);
});

describe('golden utterances', () => {
  const everyThird = () => {
    let at = 0;
    return (intent: string | null, labels: readonly string[]) =>
      at++ % 3 === 0 ? labels.find((label) => label !== intent)! : intent;
  };

  it.each([
    ['the figure of its manifest', {}, 'at least 99.0 %'],
    ['the floor, where it has no figure', { noFigures: true as const }, 'at least 90.0 %'],
  ])(
    'keep out a bundle under %s, and all stays as it was',
    async (_, changes, text) => {
      const agent = await started();
      const before = await asked(agent, 'model', 'list');
      const bundle = otherBundle({ version: '1.0.1', golden: everyThird(), ...changes });
      await expect(asked(agent, 'model', 'load', bundle)).rejects.toThrow(text);
      expect(await asked(agent, 'model', 'list')).toEqual(before);
      expect(readdirSync(join(agent.stateDir, 'models'))).toEqual([]);
      const { engines } = await asked<Status>(agent, 'engine', 'status');
      expect(engines[0]!.heads).toHaveLength(1);
    },
    120_000,
  );

  it('are asked once for a bundle, an agent and an engine', async () => {
    const agent = await started();
    const passed = () => agent.log.filter(({ msg }) => msg === 'golden passed').length;
    expect(passed()).toBe(1);
    await agent.end();
    await agent.start();
    expect(passed()).toBe(1);
    const file = join(agent.stateDir, 'golden-passed.json');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('static', 'other'));
    await agent.end();
    await agent.start();
    expect(passed()).toBe(2);
  }, 120_000);
});
