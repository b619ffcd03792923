import Database from 'better-sqlite3';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/index.js';
import { Deliveries, DeliveryStore, type AnswerMessage } from '../../src/requests/index.js';

const options = { repeatMs: 60_000, outboxMs: 600_000 };

function message(payload: string, qos: 0 | 1 = 1): AnswerMessage {
  return { topic: 't', payload, qos, correlationData: Buffer.from([1, 0, 255]) };
}

/** A daemon's life on `path`: what it published, and the broker's acknowledgements. */
function life(path: string, wall: () => number = Date.now) {
  const published: string[] = [];
  const acknowledgements: (() => void)[] = [];
  const deliveries = new Deliveries(
    options,
    DeliveryStore.open(path),
    (sent, delivered) => {
      published.push(sent.payload);
      if (delivered !== undefined) acknowledgements.push(delivered);
    },
    { now: () => performance.now(), wall },
    silentLogger,
  );
  return { deliveries, published, acknowledgements };
}

function newPath(): string {
  return join(mkdtempSync(join(tmpdir(), 'intentd-delivery-')), 'delivery.db');
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

describe('fault 3: a repeated delivery', () => {
  it('while the first is under way is not answered a second time', () => {
    const { deliveries } = life(newPath());
    expect(deliveries.begin('k')).toBe('new');
    expect(deliveries.begin('k')).toBe('underway');
    expect(deliveries.begin('other')).toBe('new');
    deliveries.close();
  });

  it('gets the same answer again, at once and after the commit', async () => {
    const { deliveries } = life(newPath());
    deliveries.begin('k');
    deliveries.answer('k', [message('a')]);
    expect(deliveries.begin('k')).toEqual([message('a')]);
    await turn();
    expect(deliveries.begin('k')).toEqual([message('a')]);
    deliveries.close();
  });

  it('gets the same answer again after a restart', async () => {
    const path = newPath();
    const first = life(path);
    first.deliveries.begin('k');
    first.deliveries.answer('k', [message('a', 0)]);
    await turn();
    first.deliveries.close();
    const second = life(path);
    expect(second.deliveries.begin('k')).toEqual([message('a', 0)]);
    second.deliveries.close();
  });

  it('of a refused request is refused again, without a word in the database', async () => {
    const path = newPath();
    const first = life(path);
    first.deliveries.begin('k');
    first.deliveries.refuse('k', [message('no')]);
    expect(first.published).toEqual(['no']);
    expect(first.deliveries.begin('k')).toEqual([message('no')]);
    await turn();
    first.deliveries.close();
    expect(life(path).deliveries.recover()).toBe(0);
  });

  it('of many gets each its own answer again, after a restart too', async () => {
    const path = newPath();
    const first = life(path);
    for (let at = 0; at < 300; at++) {
      first.deliveries.begin(`k${at}`);
      first.deliveries.answer(`k${at}`, [message(`a${at}`, at % 2 === 0 ? 0 : 1)]);
      if (at % 50 === 0) await turn();
    }
    await turn();
    expect(first.deliveries.begin('k123')).toEqual([message('a123')]);
    first.deliveries.close();
    const second = life(path);
    for (const at of [0, 123, 299]) {
      expect(second.deliveries.begin(`k${at}`)).toEqual([message(`a${at}`, at % 2 === 0 ? 0 : 1)]);
    }
    second.deliveries.begin('new');
    second.deliveries.answer('new', [message('late')]);
    await turn();
    expect(second.deliveries.begin('k299')).toEqual([message('a299')]);
    second.deliveries.close();
  });

  it('is a new request after a minute', async () => {
    let now = 1e12;
    const { deliveries } = life(newPath(), () => now);
    deliveries.begin('k');
    deliveries.answer('k', [message('a')]);
    await turn();
    now += 60_001;
    expect(deliveries.begin('k')).toBe('new');
    deliveries.close();
  });
});

describe('the outbox', () => {
  it('publishes a reliable answer once it is written', async () => {
    const { deliveries, published } = life(newPath());
    deliveries.answer(undefined, [message('a'), message('b')]);
    expect(published).toEqual([]);
    await turn();
    expect(published).toEqual(['a', 'b']);
    deliveries.close();
  });

  it('publishes after a restart what the broker had not acknowledged, and only that', async () => {
    const path = newPath();
    const first = life(path);
    first.deliveries.answer(undefined, [message('taken')]);
    first.deliveries.answer(undefined, [message('lost')]);
    await turn();
    first.acknowledgements[0]!();
    first.deliveries.close();
    const second = life(path);
    expect(second.deliveries.recover()).toBe(1);
    expect(second.published).toEqual(['lost']);
    second.acknowledgements[0]!();
    second.deliveries.close();
    expect(life(path).deliveries.recover()).toBe(0);
  });

  it('keeps no row of what is past its time, unless the broker has yet to take it', async () => {
    let now = 1e12;
    const path = newPath();
    const { deliveries, acknowledgements } = life(path, () => now);
    for (let at = 0; at < 20; at++) {
      deliveries.answer(`k${at}`, [message(`a${at}`)]);
      await turn();
      if (at !== 7) acknowledgements[at]!();
    }
    for (let step = 0; step < 5; step++) {
      now += 31_000;
      deliveries.answer(`later${step}`, [message('a', 0)]);
      deliveries.flush();
    }
    const rows = () => new Database(path, { readonly: true }).prepare('SELECT id FROM answered').all();
    expect(rows()).toHaveLength(1 + 2);
    acknowledgements[7]!();
    deliveries.flush();
    now += 1000;
    deliveries.answer('last', [message('a', 0)]);
    deliveries.flush();
    expect(rows()).toHaveLength(2 + 1);
    deliveries.close();
  });

  it('publishes an unreliable answer without waiting, and keeps none without a key', async () => {
    const path = newPath();
    const { deliveries, published } = life(path);
    deliveries.answer(undefined, [message('quick', 0)]);
    expect(published).toEqual(['quick']);
    await turn();
    deliveries.close();
    expect(life(path).deliveries.recover()).toBe(0);
  });
});

describe('fault 27: a delivery.db that is', () => {
  const spoiled: [string, (path: string) => void][] = [
    [
      'deleted',
      (path) => {
        ['', '-wal', '-shm'].forEach((suffix) => {
          rmSync(`${path}${suffix}`);
        });
      },
    ],
    ['overwritten', overwrite],
  ];

  it.each(spoiled)('%s while it is open is begun anew, and answers are kept again', async (_how, spoil) => {
    const path = newPath();
    const first = life(path);
    first.deliveries.answer('k1', [message('a1')]);
    await turn();
    spoil(path);
    for (const key of ['k2', 'k3']) {
      first.deliveries.answer(key, [message(key)]);
      await turn();
    }
    expect(first.published).toEqual(['a1', 'k2', 'k3']);
    first.deliveries.close();
    const second = life(path);
    expect(second.deliveries.begin('k3')).toEqual([message('k3')]);
    second.deliveries.close();
  });

  it('found damaged in the middle of a commit is set aside, and the answers go into a new one', () => {
    const path = newPath();
    const first = life(path);
    // More than what is read at the start and kept.
    for (let at = 0; at < 400; at++) {
      first.deliveries.answer(undefined, [message(`${at}`.padEnd(4000))]);
      first.deliveries.flush();
    }
    first.deliveries.close();
    const second = life(path);
    second.deliveries.recover();
    overwrite(path, statSync(path).size);
    // Now the row of an old answer is to be changed.
    second.acknowledgements[100]!();
    second.deliveries.answer('k1', [message('a1')]);
    second.deliveries.flush();
    expect(second.published.at(-1)).toBe('a1');
    expect(second.deliveries.failures).toBe(1);
    second.deliveries.close();
    expect(existsSync(`${path}.corrupt`)).toBe(true);
    const third = life(path);
    expect(third.deliveries.begin('k1')).toEqual([message('a1')]);
    third.deliveries.close();
  });

  it('gone with its folder leaves an agent that answers', async () => {
    const path = newPath();
    const { deliveries, published } = life(path);
    rmSync(dirname(path), { recursive: true });
    for (const text of ['a', 'b']) {
      deliveries.answer('k', [message(text)]);
      await turn();
    }
    expect(published).toEqual(['a', 'b']);
    deliveries.close();
  });

  it('overwritten while no agent ran is set aside', async () => {
    const path = newPath();
    const first = life(path);
    first.deliveries.answer('k1', [message('a1')]);
    await turn();
    first.deliveries.close();
    overwrite(path);
    const second = life(path);
    expect(second.deliveries.begin('k1')).toBe('new');
    second.deliveries.answer('k1', [message('again')]);
    await turn();
    second.deliveries.close();
    expect(existsSync(`${path}.corrupt`)).toBe(true);
    const third = life(path);
    expect(third.deliveries.begin('k1')).toEqual([message('again')]);
    third.deliveries.close();
  });

  it('locked by another program keeps no answer back, and is counted', async () => {
    const path = newPath();
    const { deliveries, published } = life(path);
    const other = new Database(path);
    other.exec('BEGIN EXCLUSIVE');
    expect(deliveries.begin('k')).toBe('new');
    deliveries.answer('k', [message('a')]);
    await turn();
    expect(published).toEqual(['a']);
    expect(deliveries.failures).toBeGreaterThan(0);
    other.close();
    deliveries.close();
  });

  it('of no folder leaves an agent that answers', async () => {
    const published: string[] = [];
    const publish = (sent: AnswerMessage) => published.push(sent.payload);
    const clock = { now: () => performance.now(), wall: Date.now };
    const deliveries = new Deliveries(options, undefined, publish, clock, silentLogger);
    deliveries.answer('k', [message('a')]);
    await turn();
    expect(published).toEqual(['a']);
    expect(deliveries.failures).toBe(0);
  });
});

function overwrite(path: string, bytes = 16_384): void {
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(bytes, 0x5a), 0, bytes, 0);
  closeSync(file);
  rmSync(`${path}-wal`, { force: true });
}
