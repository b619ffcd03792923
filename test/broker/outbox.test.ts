import { describe, expect, it } from 'vitest';
import { Backoff, Outbox, matchesFilter } from '../../src/broker/index.js';

function parcel(name: string, qos: 0 | 1) {
  return { message: { topic: name, payload: '', qos } };
}

function drain(outbox: Outbox): string[] {
  const names: string[] = [];
  for (let next = outbox.take(true); next !== undefined; next = outbox.take(true))
    names.push(next.message.topic);
  return names;
}

describe('fault 7: the outbox while the broker is away', () => {
  it('stays within its bound, drops the oldest QoS 0 first, and counts', () => {
    const outbox = new Outbox(3);
    for (const [name, qos] of [
      ['a', 1],
      ['b', 0],
      ['c', 0],
      ['d', 1],
      ['e', 1],
      ['f', 1],
    ] as const) {
      outbox.add(parcel(name, qos));
    }
    expect(outbox.dropped).toBe(3);
    expect(drain(outbox)).toEqual(['d', 'e', 'f']);
  });

  it('keeps the order of what was put back', () => {
    const outbox = new Outbox(10);
    outbox.add(parcel('later', 1));
    outbox.putBack([parcel('first', 1), parcel('second', 1)]);
    expect(drain(outbox)).toEqual(['first', 'second', 'later']);
  });

  it('gives out only QoS 0 while the broker’s Receive Maximum is used up', () => {
    const outbox = new Outbox(10);
    outbox.add(parcel('reliable', 1));
    outbox.add(parcel('quick', 0));
    expect(outbox.take(false)?.message.topic).toBe('quick');
    expect(outbox.take(false)).toBeUndefined();
    expect(outbox.take(true)?.message.topic).toBe('reliable');
  });
});

describe('the wait before the next try', () => {
  it('doubles to at most a minute, with full jitter', () => {
    const longest = new Backoff(() => 1);
    expect(Array.from({ length: 8 }, () => longest.next())).toEqual([
      1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
    ]);
    longest.reset();
    expect(longest.next()).toBe(1000);
    expect(new Backoff(() => 0.5).next()).toBe(500);
  });
});

describe('topic filters', () => {
  it.each([
    ['a/+/c', 'a/b/c', true],
    ['a/+', 'a/b/c', false],
    ['a/#', 'a/b/c', true],
    ['a/#', 'a', true],
    ['a/b', 'a', false],
    ['+/+/response', 'x/y/response', true],
    ['#', 'a', true],
  ])('%s against %s: %s', (filter, topic, expected) => {
    expect(matchesFilter(filter, topic)).toBe(expected);
  });
});
