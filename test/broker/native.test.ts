import { describe, expect, it } from 'vitest';
import { refused } from '../../src/base/index.js';
import { ResponseTopicRule, decodeNative, type Inbound, type Request } from '../../src/broker/index.js';
import { answerOf } from '../support/answers.js';

const options = {
  device: 'orin-1',
  responseTopic: 'intentd/orin-1/response',
  allowed: new ResponseTopicRule(['intentd/+/response/#', '+/+/response'], ['intentd/+/request']),
};

function inbound(payload: string | Buffer, more: Partial<Inbound> = {}): Inbound {
  return { topic: 'intentd/orin-1/request', payload: Buffer.from(payload), qos: 1, retain: false, ...more };
}

function request(payload: string, more: Partial<Inbound> = {}): Request {
  const decoded = decodeNative(inbound(payload, more), options);
  if (decoded.kind !== 'request') throw new Error(`not taken: ${JSON.stringify(decoded)}`);
  return decoded.request;
}

function refusal(payload: string | Buffer, more: Partial<Inbound> = {}) {
  const decoded = decodeNative(inbound(payload, more), options);
  if (decoded.kind !== 'refused') throw new Error('was not refused');
  const [message] = decoded.messages;
  return {
    topic: message!.topic,
    body: JSON.parse(message!.payload) as { id: unknown; error: { code: string; message: string } },
  };
}

describe('a request in intentd’s own dialect', () => {
  it('is plain text, and gets an id', () => {
    const { utterance } = request('turn on the light');
    expect(utterance.text).toBe('turn on the light');
    expect(utterance.id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('is JSON with everything the protocol names', () => {
    const body = {
      text: 'hi',
      id: '7',
      model: 'm',
      lang: 'en',
      intentFilter: ['a'],
      topK: 2,
      deadlineMs: 40,
    };
    expect(request(JSON.stringify(body)).utterance).toEqual({
      id: '7',
      text: 'hi',
      model: 'm',
      intentFilter: ['a'],
      topK: 2,
      deadlineMs: 40,
    });
  });

  it('expires with its message', () => {
    expect(request('hi', { expirySeconds: 2 }).utterance.deadlineMs).toBe(2000);
    expect(request('{"text":"hi","deadlineMs":50}', { expirySeconds: 2 }).utterance.deadlineMs).toBe(50);
  });

  it('is answered on the device’s topic with the request’s QoS', () => {
    const [message] = request('{"text":"hi","id":"7"}').encode({ ok: true, answer: answerOf() });
    expect(message).toMatchObject({ topic: 'intentd/orin-1/response', qos: 1 });
    expect(JSON.parse(message!.payload)).toEqual({
      id: '7',
      device: 'orin-1',
      intent: 'transfer',
      confidence: 0.98,
      outOfScope: false,
      alternatives: [{ intent: 'pay_bill', confidence: 0.01 }],
      model: { id: 'tiny', version: '1.0.0' },
      latencyMs: { queue: 0.1, tokenize: 0.1, infer: 1.2, total: 1.6 },
      energyMj: null,
      energyEstimated: false,
    });
  });

  it('is told when its text was cut, and why it failed', () => {
    const { encode } = request('{"text":"hi","id":"7"}');
    expect(
      JSON.parse(encode({ ok: true, answer: answerOf({ truncated: true }) })[0]!.payload),
    ).toHaveProperty('truncated', true);
    expect(JSON.parse(encode(refused('overloaded', 'Too much.'))[0]!.payload)).toEqual({
      id: '7',
      device: 'orin-1',
      error: { code: 'overloaded', message: 'Too much.' },
    });
  });

  it('is answered where its Response Topic says, with its Correlation Data', () => {
    const correlationData = Buffer.from([0, 255]);
    const { encode } = request('hi', { responseTopic: 'my/app/response', correlationData });
    expect(encode(refused('overloaded', 'x'))[0]).toMatchObject({
      topic: 'my/app/response',
      correlationData,
    });
  });
});

describe('a repeated delivery', () => {
  const body = '{"text":"hi","id":"1"}';

  it('is recognised by topic, Response Topic, id, Correlation Data and payload', () => {
    const key = request(body).repeatKey;
    expect(request(body).repeatKey).toBe(key);
    const others = [
      request('{"text":"ho","id":"1"}'),
      request(body, { responseTopic: 'a/b/response' }),
      request(body, { correlationData: Buffer.from('1') }),
      request(body, { topic: 'intentd/pool/g/request' }),
    ];
    expect(new Set([key, ...others.map((other) => other.repeatKey)]).size).toBe(5);
  });

  it('is not assumed without id and Correlation Data', () => {
    expect(request('hi').repeatKey).toBeUndefined();
    expect(request('hi', { correlationData: Buffer.from('1') }).repeatKey).toBeDefined();
  });
});

describe('fault 1: a malformed request gets one clear error answer', () => {
  const deep = `${'{"a":'.repeat(2000)}1${'}'.repeat(2000)}`;
  it.each([
    ['invalid UTF-8', Buffer.from([0xc3, 0x28]), 'bad_request', 'not valid UTF-8'],
    ['NUL', 'a\0b', 'bad_request', 'NUL'],
    ['an escaped NUL', '{"text":"a\\u0000b"}', 'bad_request', 'NUL'],
    ['nothing', '', 'bad_request', 'empty'],
    ['white space', ' \n', 'bad_request', 'empty'],
    ['16 KiB and one byte', 'x'.repeat(16_385), 'too_large', '16385 bytes'],
    ['4,001 characters', 'x'.repeat(4001), 'too_large', '4001 characters'],
    ['JSON nested 2,000 deep', deep, 'bad_request', 'deeper than 8'],
    ['JSON nested 8,000 deep', '['.repeat(8000) + ']'.repeat(8000), 'bad_request', 'deeper than 8'],
    ['a key __proto__', '{"text":"x","__proto__":{"topK":3}}', 'bad_request', '__proto__'],
    ['a number as text', '{"text":5}', 'bad_request', 'text: Invalid input: expected string'],
    ['half a JSON object', '{"text":"x"', 'bad_request', 'not valid JSON'],
    ['no text', '{"id":"1"}', 'bad_request', 'text: '],
    ['a topK of eleven', '{"text":"x","topK":11}', 'bad_request', 'topK: '],
    ['a list', '["x"]', 'bad_request', 'expected object'],
  ])('%s', (_name, payload, code, message) => {
    const { body } = refusal(payload);
    expect(body.error.code).toBe(code);
    expect(body.error.message).toContain(message);
  });

  it('with the id, where it can be read', () => {
    expect(refusal('{"text":5,"id":"9"}').body.id).toBe('9');
    expect(refusal('{').body.id).toBeNull();
  });
});

describe('fault 4: a Response Topic', () => {
  it.each([
    'intentd/x/request',
    'evil/topic',
    'my/+/response',
    'my/#',
    '$SYS/a/response',
    'a/b/c/response',
    '',
  ])('%j is refused, and nothing is published there', (responseTopic) => {
    const { topic, body } = refusal('hi', { responseTopic });
    expect(topic).toBe('intentd/orin-1/response');
    expect(body.error.code).toBe('bad_request');
  });

  it('that intentd subscribes to is refused whatever the patterns allow', () => {
    const allowed = new ResponseTopicRule(['#'], ['intentd/+/request', 'hermes/nlu/query']);
    expect(allowed.allows('intentd/any/request')).toBe(false);
    expect(allowed.allows('hermes/nlu/query')).toBe(false);
    expect(allowed.allows('anything/else')).toBe(true);
  });
});
