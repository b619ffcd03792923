import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import { IntentdError, parseJson, type Json } from '../base/index.js';
import type { Inbound } from './message.js';

export const limits = { payloadBytes: 16 * 1024, textCharacters: 4000, jsonDepth: 8 } as const;

/** A payload that breaks the protocol; `code` is one of the answers' error codes. */
export class PayloadError extends IntentdError {
  constructor(
    override readonly code: 'bad_request' | 'too_large',
    message: string,
    /** The request's id, where it could still be read. */
    readonly id: string | null = null,
  ) {
    super(code, message);
  }
}

/**
 * The payload's text.
 *
 * @throws PayloadError for more than 16 KiB or invalid UTF-8
 */
export function payloadText(payload: Buffer): string {
  if (payload.length > limits.payloadBytes) {
    throw new PayloadError(
      'too_large',
      `The payload has ${payload.length} bytes; at most ${limits.payloadBytes} are taken.`,
    );
  }
  if (!isUtf8(payload)) throw new PayloadError('bad_request', 'The payload is not valid UTF-8.');
  return payload.toString('utf8');
}

/**
 * The payload's JSON.
 *
 * @throws PayloadError where it is none, nests deeper than 8, repeats a key or has the key `__proto__`
 */
export function payloadJson(text: string): Json {
  try {
    return parseJson(text, { name: 'The payload', maxDepth: limits.jsonDepth });
  } catch (error) {
    if (!(error instanceof IntentdError)) throw error;
    throw Object.assign(new PayloadError('bad_request', error.message), { cause: error });
  }
}

/**
 * An utterance that can be recognised.
 *
 * @throws PayloadError where it is empty, longer than 4,000 characters, or holds NUL
 */
export function checkText(text: string, id: string | null): string {
  if (text.trim() === '') throw new PayloadError('bad_request', 'The text is empty.', id);
  if (text.length > limits.textCharacters) {
    throw new PayloadError(
      'too_large',
      `The text has ${text.length} characters; at most ${limits.textCharacters} are taken.`,
      id,
    );
  }
  if (text.includes('\0')) throw new PayloadError('bad_request', 'The text holds a NUL character.', id);
  return text;
}

/**
 * What is the same for repeated deliveries of one request: topic, Response Topic, id, Correlation Data
 * and payload. Absent where the sender gave neither id nor Correlation Data.
 */
export function repeatKey(inbound: Inbound, id: string | undefined): string | undefined {
  if (id === undefined && inbound.correlationData === undefined) return undefined;
  const { topic, responseTopic = null, correlationData, payload } = inbound;
  const names = JSON.stringify([topic, responseTopic, id ?? null, correlationData?.length ?? null]);
  const parts = [Buffer.from(names), ...(correlationData === undefined ? [] : [correlationData]), payload];
  return hash('sha256', Buffer.concat(parts), 'base64url');
}
