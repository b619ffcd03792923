import { copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { sha256 } from '../../src/base/index.js';
import { Agent, intentd } from '../support/agent.js';
import { shippedBundle } from '../support/otherBundle.js';

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.end('SIGKILL');
});

async function started(): Promise<Agent> {
  const agent = new Agent();
  agents.push(agent);
  await agent.start();
  return agent;
}

interface Changes {
  readonly version?: string;
  readonly encoder?: string;
  readonly intents?: (intents: string[]) => string[];
}

/** The head of the shipped bundle as a folder of its own. */
function bareHead({ version = '1.0.0', encoder, intents = (all) => all }: Changes = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'intentd-head-'));
  const manifest = JSON.parse(readFileSync(join(shippedBundle, 'manifest.json'), 'utf8')) as {
    head: object;
    decision: object;
    files: Record<string, { sha256: string; bytes: number }>;
  };
  copyFileSync(join(shippedBundle, 'head.safetensors'), join(folder, 'head.safetensors'));
  const shipped = JSON.parse(readFileSync(join(shippedBundle, 'labels.json'), 'utf8')) as {
    intents: string[];
  };
  const labels = JSON.stringify({ intents: intents(shipped.intents) });
  writeFileSync(join(folder, 'labels.json'), labels);
  const head = {
    ...{ format: 1, id: 'home', version, head: manifest.head, decision: manifest.decision },
    encoder: encoder ?? manifest.files['encoder.safetensors']!.sha256,
    files: {
      'head.safetensors': manifest.files['head.safetensors'],
      'labels.json': { sha256: sha256(labels), bytes: Buffer.byteLength(labels) },
    },
  };
  writeFileSync(join(folder, 'head.json'), JSON.stringify(head));
  return folder;
}

const renamed = (intents: string[]) =>
  intents.map((intent) => (intent === 'tell_joke' ? 'be_funny' : intent));

describe('a head without a bundle', () => {
  const on = (agent: Agent) => ['--state-dir', agent.stateDir, '--json'];
  const load = (agent: Agent, folder: string) => intentd('model', 'load', folder, ...on(agent));
  const intentOf = async (agent: Agent): Promise<unknown> => {
    const asked = ['ask', ...agent.options, '--model', 'home', '--json', 'crack a joke for the two of us'];
    return (JSON.parse((await intentd(...asked)).out) as { intent: unknown }).intent;
  };

  it('is loaded on the worker that serves, replaced, kept over a restart, rolled back and dropped', async () => {
    const agent = await started();
    const first = bareHead();
    expect(await load(agent, first)).toMatchObject({ status: 0, err: '' });
    rmSync(first, { recursive: true });
    expect(await intentOf(agent)).toBe('tell_joke');
    const { engines } = JSON.parse((await intentd('engine', 'status', ...on(agent))).out) as {
      engines: { heads: object[] }[];
    };
    expect(engines.map(({ heads }) => heads.length)).toEqual([2]);
    expect((await load(agent, bareHead({ version: '1.1.0', intents: renamed }))).status).toBe(0);
    expect(await intentOf(agent)).toBe('be_funny');
    await agent.end('SIGKILL');
    await agent.start();
    expect(await intentOf(agent)).toBe('be_funny');
    expect((await intentd('model', 'rollback', 'home', ...on(agent))).status).toBe(0);
    expect(await intentOf(agent)).toBe('tell_joke');
    expect((await intentd('model', 'drop', 'home', ...on(agent))).status).toBe(0);
    expect(readdirSync(join(agent.stateDir, 'models'))).toEqual([]);
  }, 120_000);

  it.each([
    ['was fitted on an encoder that does not serve', { encoder: '0'.repeat(64) }, /\[no_encoder\]/],
    [
      'has another number of intents',
      { intents: (all: string[]) => all.slice(1) },
      /output rows, and 149 intents/,
    ],
  ])(
    'that %s is refused, and all stays as it was',
    async (_, changes, reason) => {
      const agent = await started();
      const { status, err } = await load(agent, bareHead(changes));
      expect([status, err]).toEqual([1, expect.stringMatching(reason)]);
      expect(readdirSync(join(agent.stateDir, 'models'))).toEqual([]);
    },
    60_000,
  );
});
