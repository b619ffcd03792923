import { describe, expect, it } from 'vitest';
import { FairQueue, Pace, bucketOf } from '../../src/requests/index.js';

function item(sender: string, name: string, group = 'g', deadline = 100) {
  return { sender, name, group, deadline };
}

function names(items: readonly { name: string }[]): string[] {
  return items.map(({ name }) => name);
}

describe('the queue', () => {
  it('lets senders take turns', () => {
    const queue = new FairQueue<ReturnType<typeof item>>(10);
    for (const name of ['a1', 'a2', 'a3']) queue.offer(item('a', name));
    queue.offer(item('b', 'b1'));
    queue.offer(item('c', 'c1'));
    expect(names(queue.take(10))).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
  });

  it('gives batches of one group, and leaves the others in their order', () => {
    const queue = new FairQueue<ReturnType<typeof item>>(10);
    queue.offer(item('a', 'short1', 'short'));
    queue.offer(item('a', 'long1', 'long'));
    queue.offer(item('a', 'short2', 'short'));
    queue.offer(item('a', 'short3', 'short'));
    expect(names(queue.take(2))).toEqual(['short1', 'short2']);
    expect(names(queue.take(2))).toEqual(['long1']);
    expect(names(queue.take(2))).toEqual(['short3']);
    expect(queue.take(2)).toEqual([]);
    expect(queue.size).toBe(0);
  });

  it('refuses the greediest when it is full, and makes it give way to others', () => {
    const queue = new FairQueue<ReturnType<typeof item>>(3);
    for (const name of ['a1', 'a2', 'a3']) queue.offer(item('a', name));
    expect(queue.offer(item('a', 'a4'))).toEqual({ taken: false });
    expect(queue.offer(item('b', 'b1'))).toMatchObject({ taken: true, evicted: { name: 'a3' } });
    expect(queue.offer(item('b', 'b2'))).toEqual({ taken: false });
    expect(queue.size).toBe(3);
  });

  it('gives back what is past its deadline', () => {
    const queue = new FairQueue<ReturnType<typeof item>>(10);
    queue.offer(item('a', 'soon', 'g', 10));
    queue.offer(item('a', 'later', 'g', 20));
    expect(names(queue.expire(10))).toEqual(['soon']);
    expect(queue.size).toBe(1);
  });
});

describe('length buckets', () => {
  it('are powers of two up to the model’s positions', () => {
    expect([1, 16, 17, 64, 129, 512].map((tokens) => bucketOf(tokens, 512))).toEqual([
      16, 16, 32, 64, 256, 512,
    ]);
    expect(bucketOf(40, 48)).toBe(48);
  });
});

describe('the pace of an engine', () => {
  it('says how long a request will take behind others', () => {
    const pace = new Pace();
    expect(pace.estimate(100)).toBe(0);
    pace.note(4, 8);
    expect(pace.estimate(10)).toBe(28);
  });

  it('forgets a slow batch soon', () => {
    const pace = new Pace();
    pace.note(1, 500);
    for (let i = 0; i < 20; i++) pace.note(1, 1);
    expect(pace.estimate(0)).toBeLessThan(5);
  });
});
