import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/index.js';
import { currentPhase, openJournal } from '../../src/update/index.js';
import { seeded } from '../support/random.js';
import { until } from '../support/until.js';
import { UpdatingAgent } from '../support/updatingAgent.js';

const isWhole = process.env['FULL_FAULTS'] === '1';
const kills = isWhole ? 50 : 5;
const seed = Number(process.env['KILL_SEED'] ?? 1);
const withinMs = 60_000;
const phases = [
  'checking',
  'downloading',
  'verified',
  'building',
  'staged',
  'shadow',
  'probation',
  'committed',
];

interface State {
  readonly phase: string;
  readonly installed: string | null;
  readonly error?: { readonly code: string };
}

interface Answer {
  readonly intent: string | null;
  readonly confidence: number;
  readonly model: { readonly version: string };
}

/** One life of the agent, as a client of its broker sees it. */
class Life {
  readonly states: State[] = [];
  readonly #mqtt: MqttClient;
  readonly #answered: ((answer: Answer) => void)[] = [];

  private constructor(mqtt: MqttClient) {
    this.#mqtt = mqtt;
    mqtt.on('message', (topic, payload) => {
      const message = JSON.parse(payload.toString()) as unknown;
      if (topic.endsWith('/state')) this.states.push(message as State);
      else this.#answered.shift()?.(message as Answer);
    });
  }

  static async see(url: string): Promise<Life> {
    const life = new Life(await connectAsync(url, { reconnectPeriod: 0 }));
    await life.#mqtt.subscribeAsync(['intentd/agent/update/state', 'intentd/agent/response'], { qos: 1 });
    await until(() => life.states.length > 0, withinMs);
    return life;
  }

  get state(): State {
    return this.states.at(-1)!;
  }

  act(action: string): void {
    this.#mqtt.publish('intentd/agent/update', JSON.stringify({ action }), { qos: 1 });
  }

  ask(): Promise<Answer> {
    const answered = new Promise<Answer>((resolve) => this.#answered.push(resolve));
    this.#mqtt.publish('intentd/agent/request', '{"text": "play my music", "deadlineMs": 30000}', { qos: 1 });
    return answered;
  }

  end(): void {
    this.#mqtt.end(true);
  }
}

let updating: UpdatingAgent;
let life: Life | undefined;
const random = seeded(seed);
/** What each of the two models that take turns says, by its seed. */
const said = new Map<number, Answer>();
const hits = new Map<string, number>();

beforeEach(() => {
  updating = new UpdatingAgent();
});
afterEach(async () => {
  life?.end();
  await updating.end();
});

const slower = ['shadow.seconds=0.3', 'probation.seconds=0.4'].flatMap((one) => [
  '--set',
  `update.gates.${one}`,
]);
const seedOf = (version: string): number => (Number(version.split('.')[0]) % 2) + 1;

async function live(): Promise<Life> {
  if (updating.agent.running) await updating.startAgain(...slower);
  else await updating.start(...slower);
  life = await Life.see(updating.agent.url);
  return life;
}

/** Kills the agent; 1 where its journal says that an update was under way, and 0 where none was. */
async function kill(): Promise<number> {
  await updating.agent.end('SIGKILL');
  life?.end();
  const copy = mkdtempSync(join(tmpdir(), 'intentd-killed-'));
  cpSync(join(updating.agent.stateDir, 'update'), copy, { recursive: true });
  const journal = await openJournal(join(copy, 'journal.db'), silentLogger);
  const phase = currentPhase(journal.read());
  journal.close();
  rmSync(copy, { recursive: true });
  hits.set(phase, (hits.get(phase) ?? 0) + 1);
  return phase === 'idle' ? 0 : 1;
}

/** Wholly one of the two versions, and what that one says of an utterance. */
async function holdTo(now: Life, versions: readonly string[]): Promise<void> {
  const answer = await now.ask();
  expect(versions).toContain(answer.model.version);
  const { intent, confidence } = said.get(seedOf(answer.model.version))!;
  expect([answer.intent, answer.confidence]).toEqual([intent, confidence]);
}

/** Lets what was begun come to its end; begins it anew where the kill came before it was noted. */
async function complete(now: Life, action: string, version: string): Promise<void> {
  const isIdle = (): boolean => now.state.phase === 'idle';
  await until(isIdle, withinMs);
  if (now.state.installed !== version) {
    const heard = now.states.length;
    now.act(action);
    await until(() => now.states.slice(heard).some(({ phase }) => phase !== 'idle'), withinMs);
    await until(isIdle, withinMs);
  }
  expect(now.state).toMatchObject({ phase: 'idle', installed: version });
  expect((await now.ask()).model.version).toBe(version);
}

/** Kills at a moment after a phase was heard of, or after the wish; also once more, while it starts again. */
async function killedIn(action: string, phase: string | undefined, left: number): Promise<number> {
  const before = life!.states.length;
  life!.act(action);
  if (phase === undefined) await sleep(random() * 1200);
  else {
    // A phase may pass unheard; then this is after the update.
    await until(() => {
      const heard = life!.states.slice(before);
      const hasBegun = heard.some((state) => state.phase !== 'idle');
      return heard.some((state) => state.phase === phase) || (hasBegun && life!.state.phase === 'idle');
    }, withinMs);
    // Some at once, for phases that are short.
    await sleep(random() < 0.3 ? 0 : random() * 60);
  }
  const hit = await kill();
  if (left < 2 || random() < 0.7) return hit;
  const starting = updating.startAgain(...slower).catch(() => undefined);
  await sleep(300 + random() * 1500);
  const hitAgain = await kill();
  await starting;
  return hit + hitAgain;
}

it(`fault 23: an agent that is killed ${kills} times in updates is wholly old or wholly new, and completes them`, async () => {
  let old = '1.0.0';
  let serving = await live();
  for (const version of ['2.0.0', '3.0.0']) {
    await updating.publish(version, seedOf(version));
    await complete(serving, 'install', version);
    said.set(seedOf(version), await serving.ask());
    old = version;
  }

  let killed = 0;
  for (let round = 0; killed < kills; round += 1) {
    const version = `${round + 4}.0.0`;
    await updating.publish(version, seedOf(version));
    const phase = [...phases, undefined][(round + seed) % (phases.length + 1)];
    killed += await killedIn('install', phase, kills - killed);
    serving = await live();
    await holdTo(serving, [old, version]);
    await complete(serving, 'install', version);
    if (round % 2 === 1 && killed < kills) {
      killed += await killedIn('rollback', random() < 0.5 ? 'rollback' : undefined, kills - killed);
      serving = await live();
      await holdTo(serving, [old, version]);
      await complete(serving, 'rollback', old);
    } else old = version;
  }
  const counts = [...hits].map(([phase, count]) => `${phase} ${count}`).join(', ');
  console.log(`${killed} kills: ${counts}`);
  // The others last as long as a commit, where the CPU engine serves and bundles are small.
  const long = ['downloading', 'staged', 'shadow', 'probation', 'rollback'];
  if (isWhole) expect([...hits.keys()]).toEqual(expect.arrayContaining(long));
}, 900_000);
