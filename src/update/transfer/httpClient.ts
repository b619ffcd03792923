import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { IntentdError, messageOf } from '../../base/index.js';
import { proxyAuthorization, proxyFor, type ProxySettings } from './proxy.js';
import { StallGuard } from './stallGuard.js';
import { TunnelAgent } from './tunnelAgent.js';

export interface HttpOptions {
  /** PEM of the authorities to trust instead of those that come with Node.js. */
  readonly ca?: string | undefined;
  readonly proxy: ProxySettings;
  /** Plain HTTP to other machines too; to this one it is always allowed. */
  readonly allowHttp: boolean;
  /** In every such time at least `leastBytes` must come. */
  readonly stallMs: number;
  readonly leastBytes: number;
  /** What the agent calls itself. */
  readonly userAgent: string;
}

/** `unreachable`, and an attempt right away may fare better. */
export class TryAgain extends IntentdError {
  constructor(message: string, options?: ErrorOptions) {
    super('unreachable', message, options);
  }
}

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Buffer>;
  readonly guard: StallGuard;
}

const maxRedirects = 5;
const redirects = [301, 302, 303, 307, 308];

/** GET requests: redirects followed within one scheme, never slower than allowed, never compressed. */
export class HttpClient {
  readonly #options: HttpOptions;
  #agents = new Map<string, HttpAgent>();

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  /**
   * @throws IntentdError `bad_source` where plain HTTP is not allowed, or the protocol is another
   */
  checkAllowed(url: URL): void {
    if (url.protocol === 'https:') return;
    if (url.protocol === 'http:' && (this.#options.allowHttp || isLoopback(url.hostname))) return;
    throw new IntentdError(
      'bad_source',
      `${url.origin} is plain ${url.protocol.slice(0, -1)}: updates come over https, or with update.allowHttp.`,
    );
  }

  /**
   * Gets a URL.
   *
   * @param use reads the body; with it the connection is done
   * @throws IntentdError `unreachable`, `bad_source`; or the signal's reason, or what `use` throws
   */
  async get<T>(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    use: (answer: Answer) => Promise<T>,
  ): Promise<T> {
    let at = url;
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const done = await this.#once(at, headers, signal, use);
      if (!('next' in done)) return done.result;
      at = done.next;
    }
    throw new IntentdError('unreachable', `${url.href} leads on more than ${maxRedirects} times.`);
  }

  /** Ends every connection. */
  rest(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  async #once<T>(
    url: URL,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    use: (answer: Answer) => Promise<T>,
  ): Promise<{ readonly next: URL } | { readonly result: T }> {
    signal.throwIfAborted();
    const request = this.#request(url, headers);
    let response: IncomingMessage | undefined;
    const end = (reason: string): void => void (response ?? request).destroy(new Error(reason));
    const stop = (): void => {
      end('stopped');
    };
    const { stallMs: windowMs, leastBytes } = this.#options;
    const guard = new StallGuard({ windowMs, leastBytes }, () => {
      end(`fewer than ${leastBytes} bytes came in ${windowMs / 1000} s`);
    });
    signal.addEventListener('abort', stop, { once: true });
    try {
      response = await responseOf(request, url);
      guard.got(leastBytes);
      const next = this.#redirect(url, response);
      if (next !== undefined) return { next };
      refuseEncoded(url, response);
      const body = bodyOf(response, url, guard);
      return {
        result: await use({ status: response.statusCode ?? 0, headers: response.headers, body, guard }),
      };
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      guard.stop();
      signal.removeEventListener('abort', stop);
      request.destroy();
    }
  }

  #request(url: URL, headers: Readonly<Record<string, string>>) {
    const proxy = proxyFor(url, this.#options.proxy);
    const all = {
      ...headers,
      'User-Agent': this.#options.userAgent,
      'Accept-Encoding': 'identity',
    };
    if (url.protocol === 'https:')
      return httpsRequest(url, { headers: all, agent: this.#agentFor(proxy) }).end();
    if (proxy === undefined)
      return httpRequest(url, { headers: all, agent: this.#agentFor(undefined, true) }).end();
    const through = { ...all, Host: url.host, ...proxyAuthorization(proxy) };
    const [send, port] = proxy.protocol === 'https:' ? [httpsRequest, 443] : [httpRequest, 80];
    return send({ host: proxy.hostname, port: proxy.port || port, path: url.href, headers: through }).end();
  }

  #agentFor(proxy: URL | undefined, plain = false): HttpAgent {
    const key = plain ? 'plain' : (proxy?.href ?? '');
    const present = this.#agents.get(key);
    if (present !== undefined) return present;
    const { ca, stallMs } = this.#options;
    const made = plain
      ? new HttpAgent({ keepAlive: true })
      : proxy === undefined
        ? new HttpsAgent({ keepAlive: true, minVersion: 'TLSv1.2', ...(ca === undefined ? {} : { ca }) })
        : new TunnelAgent({ proxy, ca, timeoutMs: stallMs });
    this.#agents.set(key, made);
    return made;
  }

  /** Where a response leads on to, if it does. */
  #redirect(url: URL, { statusCode, headers: { location } }: IncomingMessage): URL | undefined {
    if (!redirects.includes(statusCode ?? 0)) return undefined;
    const next =
      location !== undefined && URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next === undefined || next.protocol !== url.protocol || next.username !== '') {
      throw new IntentdError(
        'unreachable',
        `${url.href} leads on to ${String(next?.origin ?? location)}, which is refused.`,
      );
    }
    this.checkAllowed(next);
    return next;
  }
}

function responseOf(request: ClientRequest, url: URL): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve);
    // It stays: a connection that is ended later tells it here as well.
    request.on('error', (error) => {
      reject(explained(error, url));
    });
  });
}

async function* bodyOf(response: IncomingMessage, url: URL, guard: StallGuard): AsyncGenerator<Buffer, void> {
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      guard.got(piece.length);
      yield piece;
    }
  } catch (error) {
    throw explained(error, url);
  }
}

function refuseEncoded(url: URL, { headers }: IncomingMessage): void {
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding === 'identity') return;
  throw new IntentdError(
    'unreachable',
    `${url.origin} sends files as ${encoding} though it was asked not to: turn that off for the repository.`,
  );
}

function explained(cause: unknown, url: URL): Error {
  if (cause instanceof IntentdError) return cause;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const isCertificate = /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code);
  const text = `${url.href} cannot be fetched: ${messageOf(cause)}`;
  return isCertificate
    ? new IntentdError('unreachable', `${text} (update.caFile names an authority of your own).`, { cause })
    : new TryAgain(`${text}.`, { cause });
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
