import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Answer, Outcome, RankedIntent } from '../base/index.js';
import type { Decoded, Inbound, Outbound } from './message.js';
import { PayloadError, checkText, payloadJson, payloadText, repeatKey } from './payload.js';
import { hermesTopics } from './topics.js';

const text = z.string().max(1024).nullish();

/** `NluQuery` of rhasspy-hermes. */
const querySchema = z.object({
  input: z.string(),
  siteId: z.string().min(1).max(256).nullish(),
  id: text,
  intentFilter: z.array(z.string().min(1).max(256)).max(1000).nullish(),
  sessionId: text,
  wakewordId: text,
  lang: text,
  customData: z.json().nullish(),
  asrConfidence: z.number().nullish(),
});
type Query = z.output<typeof querySchema>;

export interface HermesOptions {
  /** Sites to answer; none: all. */
  readonly siteIds: readonly string[];
}

/** Reads a `hermes/nlu/query`. */
export function decodeHermes(inbound: Inbound, options: HermesOptions): Decoded {
  let siteId = 'default';
  let sessionId: string | null = null;
  try {
    const json = payloadJson(payloadText(inbound.payload));
    ({ siteId, sessionId } = readableSession(json));
    if (options.siteIds.length > 0 && !options.siteIds.includes(siteId)) {
      return { kind: 'ignored', reason: 'other_site' };
    }
    const parsed = querySchema.safeParse(json);
    if (!parsed.success) {
      const issue = parsed.error.issues[0]!;
      const field = issue.path.join('.');
      throw new PayloadError('bad_request', `${field === '' ? 'The query' : field}: ${issue.message}.`);
    }
    return { kind: 'request', request: requestOf(parsed.data, siteId, inbound) };
  } catch (error) {
    if (!(error instanceof PayloadError)) throw error;
    const message = errorMessage(error.code, error.message, siteId, sessionId, qosOf(inbound));
    return {
      kind: 'refused',
      dialect: 'hermes',
      code: error.code,
      message: error.message,
      messages: [message],
    };
  }
}

/** Site and session, as far as they can be read, so that even an error finds its sender. */
function readableSession(json: unknown): { siteId: string; sessionId: string | null } {
  const { siteId, sessionId } = (json ?? {}) as { siteId?: unknown; sessionId?: unknown };
  return {
    siteId: typeof siteId === 'string' && siteId !== '' && siteId.length <= 256 ? siteId : 'default',
    sessionId: typeof sessionId === 'string' && sessionId.length <= 1024 ? sessionId : null,
  };
}

function requestOf(query: Query, siteId: string, inbound: Inbound) {
  const input = checkText(query.input, null);
  const filter = query.intentFilter ?? undefined;
  const key = repeatKey(inbound, query.id ?? undefined);
  const qos = qosOf(inbound);
  return {
    dialect: 'hermes' as const,
    utterance: {
      id: query.id ?? randomUUID(),
      text: input,
      ...(filter === undefined || filter.length === 0 ? {} : { intentFilter: filter }),
      ...(inbound.expirySeconds === undefined ? {} : { deadlineMs: inbound.expirySeconds * 1000 }),
    },
    sender: `hermes:${siteId}`,
    ...(key === undefined ? {} : { repeatKey: key }),
    encode: (outcome: Outcome) => encodeOutcome(query, siteId, qos, outcome),
  };
}

function encodeOutcome(query: Query, siteId: string, qos: 0 | 1, outcome: Outcome): Outbound[] {
  const sessionId = query.sessionId ?? null;
  if (!outcome.ok) {
    return [errorMessage(outcome.error.code, outcome.error.message, siteId, sessionId, qos)];
  }
  const { answer } = outcome;
  if (answer.intent === null) return [notRecognized(query, siteId, qos, answer)];
  return recognized(query, siteId, qos, answer.intent, answer);
}

function recognized(query: Query, siteId: string, qos: 0 | 1, name: string, answer: Answer): Outbound[] {
  const common = {
    input: query.input,
    intent: { intentName: name, confidenceScore: answer.confidence },
    siteId,
    id: query.id ?? null,
    slots: [],
    sessionId: query.sessionId ?? null,
  };
  const intent = {
    ...common,
    customData: query.customData ?? null,
    asrTokens: null,
    asrConfidence: query.asrConfidence ?? null,
    rawInput: query.input,
    wakewordId: query.wakewordId ?? null,
    lang: query.lang ?? null,
    alternatives: alternativesOf(answer.alternatives),
  };
  return [
    { topic: hermesTopics.intent(name), payload: JSON.stringify(intent), qos },
    { topic: hermesTopics.parsed, payload: JSON.stringify(common), qos },
  ];
}

function notRecognized(query: Query, siteId: string, qos: 0 | 1, answer: Answer): Outbound {
  const payload = {
    input: query.input,
    siteId,
    id: query.id ?? null,
    customData: query.customData ?? null,
    sessionId: query.sessionId ?? null,
    confidenceScore: answer.confidence,
    alternatives: alternativesOf(answer.alternatives),
  };
  return { topic: hermesTopics.notRecognized, payload: JSON.stringify(payload), qos };
}

function alternativesOf(ranked: readonly RankedIntent[]) {
  return ranked.map(({ intent, confidence }) => ({
    intentName: intent,
    confidenceScore: confidence,
    slots: [],
  }));
}

function errorMessage(
  code: string,
  message: string,
  siteId: string,
  sessionId: string | null,
  qos: 0 | 1,
): Outbound {
  const payload = JSON.stringify({ error: message, siteId, context: code, sessionId });
  return { topic: hermesTopics.error, payload, qos };
}

function qosOf(inbound: Inbound): 0 | 1 {
  return inbound.qos === 0 ? 0 : 1;
}
