import { setTimeout as pause } from 'node:timers/promises';
import { IntentdError } from '../../base/index.js';
import { checkedPath } from '../trust/index.js';
import { HttpClient, TryAgain, type Answer, type HttpOptions } from './httpClient.js';
import type { StoredFile, TakePiece, Transport } from './transport.js';

export interface HttpTransportOptions extends HttpOptions {
  /** Attempts in a row that bring nothing, after which it is given up. */
  readonly maxFruitless: number;
  /** Wait before the second attempt; doubled for each further one, with chance. */
  readonly retryMs: number;
}

const absent = [403, 404, 410];
const maxUnwantedBytes = 64 * 1024;

/** A repository on a web server: any that gives out files, the better one that knows ranges (RFC 9110, 14). */
export class HttpTransport implements Transport {
  readonly name: string;
  readonly #base: URL;
  readonly #client: HttpClient;
  readonly #options: HttpTransportOptions;

  /** @throws IntentdError `bad_source` */
  constructor(location: URL, options: HttpTransportOptions) {
    if (location.username !== '' || location.search !== '' || location.hash !== '') {
      throw new IntentdError(
        'bad_source',
        'A source of updates has neither user, query nor fragment in its URL.',
      );
    }
    this.#base = new URL(location.href.endsWith('/') ? location.href : `${location.href}/`);
    this.name = this.#base.href;
    this.#options = options;
    this.#client = new HttpClient(options);
    this.#client.checkAllowed(this.#base);
  }

  async read(path: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    const url = new URL(checkedPath(path), this.#base);
    return this.#retrying(
      signal,
      () => 0,
      () =>
        this.#client.get(url, {}, signal, async (answer) => {
          if (absent.includes(answer.status)) return readToEnd(answer);
          expectStatus(answer, url, [200]);
          return readBody(answer, url, maxBytes);
        }),
    );
  }

  async stream(file: StoredFile, from: number, take: TakePiece, signal: AbortSignal): Promise<void> {
    if (from >= file.bytes) return;
    const url = new URL(checkedPath(file.path), this.#base);
    const state: StreamState = { at: from, etag: undefined };
    await this.#retrying(
      signal,
      () => state.at,
      () =>
        this.#client.get(url, rangeHeaders(state), signal, (answer) =>
          streamBody(answer, { url, file, state, take }),
        ),
    );
  }

  rest(): void {
    this.#client.rest();
  }

  /** Tries again what may work the next time, as long as it gets on. */
  async #retrying<T>(signal: AbortSignal, at: () => number, work: () => Promise<T>): Promise<T> {
    const { maxFruitless, retryMs } = this.#options;
    for (let fruitless = 0; ;) {
      const before = at();
      try {
        return await work();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof TryAgain)) throw error;
        fruitless = at() > before ? 0 : fruitless + 1;
        if (fruitless >= maxFruitless) throw error;
      }
      await pause(retryMs * 2 ** fruitless * (0.5 + Math.random()), undefined, { signal }).catch(() => {
        signal.throwIfAborted();
      });
    }
  }
}

interface StreamState {
  /** How many bytes were handed over. */
  at: number;
  /** What the server called the version of the file that these bytes are of. */
  etag: string | undefined;
}

interface Streaming {
  readonly url: URL;
  readonly file: StoredFile;
  readonly state: StreamState;
  readonly take: TakePiece;
}

function rangeHeaders({ at, etag }: StreamState): Record<string, string> {
  if (at === 0) return {};
  // A weak tag says nothing about bytes (RFC 9110, 13.1.5).
  const strong = etag !== undefined && !etag.startsWith('W/') ? { 'If-Range': etag } : {};
  return { Range: `bytes=${at}-`, ...strong };
}

async function streamBody(answer: Answer, streaming: Streaming): Promise<void> {
  const { url, file, state, take } = streaming;
  expectStatus(answer, url, [200, 206, 416]);
  let offset = beginningOf(answer, streaming);
  const { 'content-length': announced, etag } = answer.headers;
  // A part may be shorter than what was asked for: the rest is asked for next.
  if (announced !== undefined && answer.status === 200) checkLength(url, Number(announced), file.bytes);
  if (offset > 0 && state.etag !== undefined && etag !== state.etag) {
    Object.assign(state, { at: 0, etag: undefined });
    throw new TryAgain(`${url.href} changed while it was fetched.`);
  }
  state.etag = etag;
  for await (const piece of answer.body) {
    if (offset + piece.length > file.bytes) checkLength(url, offset + piece.length, file.bytes);
    await answer.guard.during(take(piece, offset));
    offset += piece.length;
    state.at = offset;
  }
  if (offset < file.bytes) throw new TryAgain(`${url.href} ended after ${offset} bytes.`);
}

/** The offset of the first byte of the body; never beyond what is here, and 0 where the server sends all of it. */
function beginningOf({ status, headers }: Answer, { url, file, state }: Streaming): number {
  if (status === 200) return 0;
  const range = /^bytes (?:(\d+)-(\d+)|\*)\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  const total = range?.[3];
  if (total !== undefined && total !== '*') checkLength(url, Number(total), file.bytes);
  if (status === 206 && range?.[1] !== undefined && Number(range[1]) === state.at) return state.at;
  // Asked for from the beginning the next time.
  const asked = state.at;
  state.at = 0;
  throw new TryAgain(`${url.href} does not give the range from byte ${asked} on.`);
}

/** @throws IntentdError `too_large` or `untrusted` where a file is not as long as trusted metadata says */
function checkLength(url: URL, found: number, trusted: number): void {
  if (found === trusted) return;
  throw new IntentdError(
    found > trusted ? 'too_large' : 'untrusted',
    `${url.href} has ${found} bytes or more on the server, and trusted metadata says ${trusted}.`,
  );
}

async function readBody({ headers, body }: Answer, url: URL, maxBytes: number): Promise<Uint8Array> {
  const tooLong = (): IntentdError =>
    new IntentdError('too_large', `${url.href} is longer than the ${maxBytes} bytes that were expected.`);
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLong();
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes) throw tooLong();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Takes a body that nobody wants, if it is short, so that the connection can be used again. */
async function readToEnd({ body }: Answer): Promise<undefined> {
  let bytes = 0;
  for await (const piece of body) if ((bytes += piece.length) > maxUnwantedBytes) break;
}

function expectStatus({ status }: Answer, url: URL, expected: readonly number[]): void {
  if (expected.includes(status)) return;
  const text = `${url.href} answers ${status}`;
  if (status >= 500 || status === 408 || status === 429) throw new TryAgain(`${text}.`);
  const why = absent.includes(status) ? ', though the metadata names it: it is being changed just now' : '';
  throw new IntentdError('unreachable', `${text}${why}.`);
}
