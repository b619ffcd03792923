import { describe, expect, it } from 'vitest';
import { refused } from '../../src/base/index.js';
import { decodeHermes, type Inbound } from '../../src/broker/index.js';
import { answerOf } from '../support/answers.js';

function inbound(body: unknown): Inbound {
  return { topic: 'hermes/nlu/query', payload: Buffer.from(JSON.stringify(body)), qos: 0, retain: false };
}

function request(body: unknown) {
  const decoded = decodeHermes(inbound(body), { siteIds: [] });
  if (decoded.kind !== 'request') throw new Error(JSON.stringify(decoded));
  return decoded.request;
}

const full = {
  input: 'pay my bill',
  siteId: 'kitchen',
  id: 'q1',
  intentFilter: ['pay_bill'],
  sessionId: 's1',
  wakewordId: 'w',
  lang: 'en',
  customData: 'c',
  asrConfidence: 0.5,
};

describe('a Hermes query', () => {
  it('needs only its input', () => {
    expect(request({ input: 'hello' }).utterance.text).toBe('hello');
    expect(request({ input: 'hello', intentFilter: null, id: null }).repeatKey).toBeUndefined();
  });

  it('that is recognised is answered on both intent topics, with everything it carried', () => {
    const messages = request(full).encode({ ok: true, answer: answerOf({ intent: 'pay_bill' }) });
    expect(messages.map((message) => message.topic)).toEqual([
      'hermes/intent/pay_bill',
      'hermes/nlu/intentParsed',
    ]);
    const [intent, parsed] = messages.map((message) => JSON.parse(message.payload) as object);
    expect(intent).toEqual({
      input: 'pay my bill',
      intent: { intentName: 'pay_bill', confidenceScore: 0.98 },
      siteId: 'kitchen',
      id: 'q1',
      slots: [],
      sessionId: 's1',
      customData: 'c',
      asrTokens: null,
      asrConfidence: 0.5,
      rawInput: 'pay my bill',
      wakewordId: 'w',
      lang: 'en',
      alternatives: [{ intentName: 'pay_bill', confidenceScore: 0.01, slots: [] }],
    });
    expect(Object.keys(parsed!)).toEqual(['input', 'intent', 'siteId', 'id', 'slots', 'sessionId']);
  });

  it('out of scope is answered as not recognised, and what is unset is null', () => {
    const answer = answerOf({ intent: null, outOfScope: true, confidence: 0.2 });
    const [message] = request({ input: 'hm' }).encode({ ok: true, answer });
    expect(message!.topic).toBe('hermes/nlu/intentNotRecognized');
    expect(JSON.parse(message!.payload)).toEqual({
      input: 'hm',
      siteId: 'default',
      id: null,
      customData: null,
      sessionId: null,
      confidenceScore: 0.2,
      alternatives: [{ intentName: 'pay_bill', confidenceScore: 0.01, slots: [] }],
    });
  });

  it('that fails is answered on the error topic of its session', () => {
    const [message] = request(full).encode(refused('overloaded', 'Too much.'));
    expect(message!.topic).toBe('hermes/error/nlu');
    expect(JSON.parse(message!.payload)).toEqual({
      error: 'Too much.',
      siteId: 'kitchen',
      context: 'overloaded',
      sessionId: 's1',
    });
  });

  it('that is malformed is answered with site and session as far as they can be read', () => {
    const decoded = decodeHermes(inbound({ input: 5, siteId: 'hall', sessionId: 's' }), { siteIds: [] });
    if (decoded.kind !== 'refused') throw new Error('was not refused');
    expect(JSON.parse(decoded.messages[0]!.payload)).toMatchObject({ siteId: 'hall', sessionId: 's' });
  });

  it('of another site is left alone', () => {
    const options = { siteIds: ['hall'] };
    expect(decodeHermes(inbound(full), options)).toEqual({ kind: 'ignored', reason: 'other_site' });
    expect(decodeHermes(inbound({ ...full, siteId: 'hall' }), options).kind).toBe('request');
  });
});
