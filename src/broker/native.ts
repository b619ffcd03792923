import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Outcome, Utterance } from '../base/index.js';
import type { Decoded, Inbound, Outbound } from './message.js';
import { PayloadError, checkText, payloadJson, payloadText, repeatKey } from './payload.js';
import type { ResponseTopicRule } from './topics.js';

const name = z.string().min(1).max(256);

const requestSchema = z.object({
  text: z.string(),
  id: name.optional(),
  model: name.optional(),
  lang: z.string().max(64).optional(),
  intentFilter: z.array(name).min(1).max(1000).optional(),
  topK: z.int().min(1).max(10).optional(),
  deadlineMs: z.number().min(1).max(600_000).optional(),
});

export interface NativeOptions {
  readonly device: string;
  /** Where answers go that no Response Topic sends elsewhere. */
  readonly responseTopic: string;
  readonly allowed: ResponseTopicRule;
}

/** Reads a request in intentd's own dialect: UTF-8 text, or a JSON object. */
export function decodeNative(inbound: Inbound, options: NativeOptions): Decoded {
  const wanted = inbound.responseTopic;
  if (wanted !== undefined && !options.allowed.allows(wanted)) {
    const error = new PayloadError('bad_request', 'The Response Topic is not one that may be answered to.');
    return refusal(inbound, options, error, options.responseTopic);
  }
  const topic = wanted ?? options.responseTopic;
  try {
    const { utterance, givenId } = readUtterance(inbound);
    const key = repeatKey(inbound, givenId);
    return {
      kind: 'request',
      request: {
        dialect: 'native',
        utterance,
        sender: wanted ?? inbound.topic,
        ...(key === undefined ? {} : { repeatKey: key }),
        encode: (outcome) => [reply(inbound, topic, encodeOutcome(utterance.id, options.device, outcome))],
      },
    };
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    return refusal(inbound, options, error, topic);
  }
}

function readUtterance(inbound: Inbound): { utterance: Utterance; givenId: string | undefined } {
  const text = payloadText(inbound.payload);
  const expiry = inbound.expirySeconds === undefined ? undefined : inbound.expirySeconds * 1000;
  if (!/^\s*[{[]/.test(text)) {
    const utterance = {
      id: randomUUID(),
      text: checkText(text, null),
      ...(expiry === undefined ? {} : { deadlineMs: expiry }),
    };
    return { utterance, givenId: undefined };
  }
  const json = payloadJson(text);
  const parsed = requestSchema.safeParse(json);
  if (!parsed.success) throw invalid(parsed.error.issues[0]!, readableId(json));
  const { id, deadlineMs, text: given, model, intentFilter, topK } = parsed.data;
  const within = Math.min(deadlineMs ?? Infinity, expiry ?? Infinity);
  const utterance: Utterance = {
    id: id ?? randomUUID(),
    text: checkText(given, id ?? null),
    ...(model === undefined ? {} : { model }),
    ...(intentFilter === undefined ? {} : { intentFilter }),
    ...(topK === undefined ? {} : { topK }),
    ...(within === Infinity ? {} : { deadlineMs: within }),
  };
  return { utterance, givenId: id };
}

function invalid(issue: z.core.$ZodIssue, id: string | null): PayloadError {
  const field = issue.path.join('.');
  return new PayloadError('bad_request', `${field === '' ? 'The request' : field}: ${issue.message}.`, id);
}

function readableId(json: unknown): string | null {
  const id = (json as { id?: unknown } | null)?.id;
  return typeof id === 'string' && id.length <= 256 ? id : null;
}

function encodeOutcome(id: string | null, device: string, outcome: Outcome): string {
  if (!outcome.ok) return JSON.stringify({ id, device, error: outcome.error });
  const { truncated, ...answer } = outcome.answer;
  return JSON.stringify({ id, device, ...answer, ...(truncated ? { truncated } : {}) });
}

function reply(inbound: Inbound, topic: string, payload: string): Outbound {
  return {
    topic,
    payload,
    qos: inbound.qos === 0 ? 0 : 1,
    ...(inbound.correlationData === undefined ? {} : { correlationData: inbound.correlationData }),
  };
}

function refusal(inbound: Inbound, options: NativeOptions, error: PayloadError, topic: string): Decoded {
  const outcome: Outcome = { ok: false, error: { code: error.code, message: error.message } };
  const payload = encodeOutcome(error.id, options.device, outcome);
  return {
    kind: 'refused',
    dialect: 'native',
    code: error.code,
    message: error.message,
    messages: [reply(inbound, topic, payload)],
  };
}
