import { IntentdError, messageOf } from './errors.js';

/** Whatever JSON can say. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

export interface JsonOptions {
  /** What error messages call the text. */
  readonly name: string;
  /** How deep objects and arrays may nest; 64 if absent. */
  readonly maxDepth?: number;
}

/**
 * Parses JSON that others wrote. Beyond `JSON.parse` it refuses invalid UTF-8, deep nesting, keys
 * that stand twice in one object (readers differ on which one counts) and the key `__proto__`.
 *
 * @throws IntentdError `bad_json`
 */
export function parseJson(data: Uint8Array | string, options: JsonOptions): Json {
  const text = typeof data === 'string' ? data : decodeUtf8(data, options.name);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw new IntentdError('bad_json', `${options.name} is not valid JSON: ${messageOf(cause)}.`, { cause });
  }
  checkStructure(text, options.name, options.maxDepth ?? 64);
  return value;
}

function decodeUtf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new IntentdError('bad_json', `${name} is not valid UTF-8.`, { cause });
  }
}

const quote = 0x22;
const backslash = 0x5c;
const bracket = 0x5b;
const closingBracket = 0x5d;
const brace = 0x7b;
const closingBrace = 0x7d;

/** Walks over the text of valid JSON; `open` holds the keys of each open object, `null` for arrays. */
function checkStructure(text: string, name: string, maxDepth: number): void {
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === brace || char === bracket) {
      open.push(char === brace ? new Set() : null);
      if (open.length > maxDepth) {
        throw new IntentdError('bad_json', `${name} nests deeper than ${maxDepth} levels.`);
      }
    } else if (char === closingBrace || char === closingBracket) {
      open.pop();
    } else if (char === quote) {
      const end = endOfString(text, at);
      const keys = open.at(-1);
      if (keys && isKey(text, end)) {
        addKey(keys, keyOf(text, at, end), name);
      }
      at = end - 1;
    }
  }
}

/** The index behind the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    const char = text.charCodeAt(at);
    if (char === quote) return at + 1;
    if (char === backslash) at += 1;
  }
}

/** What the string between two places says. */
function keyOf(text: string, start: number, end: number): string {
  const plain = text.slice(start + 1, end - 1);
  return plain.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : plain;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') {
    at++;
  }
  return text[at] === ':';
}

function addKey(keys: Set<string>, key: string, name: string): void {
  if (key === '__proto__') {
    throw new IntentdError('bad_json', `${name} uses the key "__proto__", which is not allowed.`);
  }
  if (keys.has(key)) {
    throw new IntentdError('bad_json', `${name} has the key ${JSON.stringify(key)} twice in one object.`);
  }
  keys.add(key);
}
