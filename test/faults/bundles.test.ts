import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Agent, intentd } from '../support/agent.js';
import { editTensors, replaceFile, setValue } from '../support/spoiledBundle.js';
import { tinyIntents, tinyTokenizerJson, writeTinyBundle } from '../support/tinyBundle.js';

const encoder = 'encoder.safetensors';
const head = 'head.safetensors';

/** A whole bundle with random weights, after something was done to it. */
async function spoiled(change: (folder: string) => unknown): Promise<string> {
  const folder = join(mkdtempSync(join(tmpdir(), 'intentd-bundle-')), 'bundle');
  await writeTinyBundle(folder, { parts: { golden: [] } });
  await change(folder);
  return folder;
}

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  bytes[bytes.length - 1]! ^= 1;
  writeFileSync(file, bytes);
}

/** Another shape for the same numbers. */
async function reshape(
  folder: string,
  name: string,
  tensor: string,
  shape: readonly number[],
): Promise<void> {
  await editTensors(folder, name, (tensors) => tensors.set(tensor, { ...tensors.get(tensor)!, shape }));
}

type Fault = [string, RegExp, (folder: string) => unknown];
const faults: Fault[] = [
  [
    'an encoder of wrong shapes',
    /"layer\.0\.output\.bias" as F32 \[16, 2\], and F32 \[32\] was expected/,
    (folder) => reshape(folder, encoder, 'layer.0.output.bias', [16, 2]),
  ],
  [
    'a head of wrong shapes',
    /"output\.bias" as F32 \[1, 5\], and F16 or F32 \[5\] was expected/,
    (folder) => reshape(folder, head, 'output.bias', [1, 5]),
  ],
  [
    'NaN in the encoder',
    /has NaN at element 3 of tensor "layer\.0\.output\.bias"/,
    (folder) =>
      editTensors(folder, encoder, (tensors) => {
        setValue(tensors, 'layer.0.output.bias', 3, NaN);
      }),
  ],
  [
    'NaN in the head',
    /has NaN at element 1 of tensor "output\.weight"/,
    (folder) =>
      editTensors(folder, head, (tensors) => {
        setValue(tensors, 'output.weight', 1, NaN);
      }),
  ],
  ...[encoder, head, 'labels.json', 'tokenizer.json', 'golden.jsonl'].map((name): Fault => [
    `no ${name}`,
    new RegExp(`${name} is missing`),
    (folder) => {
      rmSync(join(folder, name));
    },
  ]),
  ...[encoder, head, 'labels.json', 'tokenizer.json'].map((name): Fault => [
    `a wrong digest of ${name}`,
    new RegExp(`${name} has the SHA-256 [0-9a-f]{64}, and manifest.json says`),
    (folder) => {
      flipBit(join(folder, name));
    },
  ]),
  [
    'half a manifest',
    /manifest\.json is not valid JSON/,
    (folder) => {
      const file = join(folder, 'manifest.json');
      writeFileSync(file, readFileSync(file).subarray(0, 500));
    },
  ],
  ['a label with a slash', /labels\.json: intents\[1\] holds "\/"/, (folder) => replaceLabels(folder, 'a/b')],
  [
    'a label twice',
    /labels\.json: intents\[1\] repeats intents\[0\]/,
    (folder) => replaceLabels(folder, tinyIntents[0]!),
  ],
  [
    'a tokenizer of another vocabulary',
    /tokenizer\.json: has 107 tokens, and architecture\.vocabulary is 108/,
    (folder) => {
      const tokenizer = JSON.parse(JSON.stringify(tinyTokenizerJson())) as {
        model: { vocab: Record<string, number> };
      };
      delete tokenizer.model.vocab['##ing'];
      return replaceFile(folder, 'tokenizer.json', JSON.stringify(tokenizer));
    },
  ],
];

function replaceLabels(folder: string, second: string): Promise<void> {
  const intents = tinyIntents.map((intent, at) => (at === 1 ? second : intent));
  return replaceFile(folder, 'labels.json', JSON.stringify({ intents }));
}

describe('fault 16: a running agent refuses a bundle with', () => {
  const agent = new Agent();
  let before: string;

  beforeAll(async () => {
    await agent.start();
    before = await models();
  }, 120_000);

  afterAll(() => agent.end('SIGKILL'));

  const load = (folder: string, ...more: string[]) =>
    intentd('model', 'load', folder, '--state-dir', agent.stateDir, ...more);
  const models = async () => (await intentd('model', 'list', '--state-dir', agent.stateDir, '--json')).out;

  it.each(faults)('%s, says why, and serves', async (_name, reason, change) => {
    const { status, err } = await load(await spoiled(change));
    expect([status, err]).toEqual([1, expect.stringMatching(reason)]);
    const { out } = await intentd('ask', ...agent.options, 'crack a joke for the two of us');
    expect(out).toContain('tell_joke');
    expect(await models()).toBe(before);
  });

  it('nothing wrong not at all', async () => {
    const { status, err } = await load(await spoiled(() => undefined), '--name', 'whole');
    expect([status, err]).toEqual([0, '']);
    const answer = await intentd('ask', ...agent.options, '--model', 'whole', 'play my music');
    expect(answer.status).toBe(0);
  });
});

describe('fault 16: an agent that starts', () => {
  it('with every kind of broken bundle serves the others, and says why each is refused', async () => {
    const folders = await Promise.all(faults.map(([, , change]) => spoiled(change)));
    const agent = new Agent();
    await agent.start('--set', `model.bundles=${[...folders, 'builtin'].join(',')}`);
    const refusals = agent.log.filter(({ msg }) => msg === 'a bundle was refused');
    expect(refusals).toHaveLength(folders.length);
    for (const [, reason] of faults) {
      expect(refusals.some((refusal) => reason.test(String(refusal['reason'])))).toBe(true);
    }
    const { out } = await intentd('ask', ...agent.options, 'crack a joke for the two of us');
    expect(out).toContain('tell_joke');
    expect(await agent.end()).toBe(0);
  }, 60_000);

  it('with nothing but a broken one ends, and says why', async () => {
    const folder = await spoiled((at) => {
      rmSync(join(at, 'labels.json'));
    });
    const stateDir = mkdtempSync(join(tmpdir(), 'intentd-agent-'));
    const { status, err } = await intentd(
      ...['run', '--bundle', folder, '--set', 'broker.embeddedPort=0', '--state-dir', stateDir],
    );
    expect([status, err]).toEqual([1, expect.stringContaining('labels.json is missing')]);
  }, 60_000);
});
