import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { IntentdError, messageOf, type Logger } from '../../base/index.js';
import type { Guard, Refused } from './guard.js';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface WebServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly guard: Guard;
  /** What is answered, by method and path: `GET /metrics`. */
  readonly routes: ReadonlyMap<string, Handler>;
}

const maxConnections = 64;
const slowestMs = 10_000;
const maxHeaderBytes = 16 * 1024;

/** Nothing from elsewhere, nowhere embedded, nothing told to others. */
const securityHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
};

/** A small HTTP server: a few routes, everything else refused, nothing that a client does holds it up. */
export class WebServer {
  readonly #options: WebServerOptions;
  readonly #log: Logger;
  #server: Server | undefined;

  constructor(options: WebServerOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
  }

  /** Where it listens; `undefined` where it does not. */
  get url(): string | undefined {
    if (this.#server?.listening !== true) return undefined;
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`;
  }

  /** @throws IntentdError `port_taken` where it cannot listen */
  async start(): Promise<void> {
    const { createServer } = await import('node:http');
    const limits = {
      headersTimeout: slowestMs,
      requestTimeout: slowestMs,
      connectionsCheckingInterval: slowestMs / 2,
      maxHeaderSize: maxHeaderBytes,
    };
    const server = createServer(limits, (request, response) => void this.#take(request, response));
    server.maxConnections = maxConnections;
    await this.#listen(server);
    server.on('error', (error) => {
      this.#log.warn({ reason: error.message }, 'the web server could not take a connection');
    });
    this.#server = server;
  }

  /** Takes nothing more, and ends every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    server.closeAllConnections();
    await closed;
  }

  #listen(server: Server): Promise<void> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      const fail = (cause: Error): void => {
        const message = `${host}:${port} cannot be listened on (${cause.message}): set web.port to a free one.`;
        reject(new IntentdError('port_taken', message, { cause }));
      };
      server.once('error', fail);
      server.listen({ host, port }, () => {
        server.off('error', fail);
        resolve();
      });
    });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    response.setHeader('Cache-Control', 'no-store');
    const found = this.#find(request);
    try {
      if (typeof found === 'function') await found(request, response);
      else refuse(response, found);
    } catch (error) {
      this.#log.warn({ reason: messageOf(error), path: request.url }, 'a web request failed');
      if (response.headersSent) response.destroy();
      else refuse(response, { status: 500, reason: 'The agent could not answer; its log says why.' });
    }
  }

  #find(request: IncomingMessage): Handler | Refused {
    const { guard, routes } = this.#options;
    const refusal = guard.refusal(request);
    if (refusal !== undefined) return refusal;
    const path = (request.url ?? '').split('?')[0]!;
    const handler = routes.get(`${request.method ?? ''} ${path}`);
    if (handler !== undefined) return handler;
    const methods = [...routes.keys()].filter((route) => route.endsWith(` ${path}`));
    if (methods.length === 0) return { status: 404, reason: 'There is nothing here.' };
    const allowed = methods.map((route) => route.split(' ')[0]!).join(', ');
    return { status: 405, reason: `Expected ${allowed}.`, headers: { Allow: allowed } };
  }
}

/** Refuses in plain text, and takes no more of a body that nobody will read. */
function refuse(response: ServerResponse, { status, reason, headers = {} }: Refused): void {
  response.writeHead(status, {
    ...headers,
    'Content-Type': 'text/plain; charset=utf-8',
    Connection: 'close',
  });
  response.end(`${reason}\n`);
}

/** Answers with one body. */
export function reply(
  response: ServerResponse,
  { status = 200, type, body }: { status?: number; type: string; body: string | Buffer },
): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

/**
 * Reads the body of a request.
 *
 * @throws IntentdError `too_large`
 */
export async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new IntentdError('too_large', `At most ${maxBytes} bytes are taken.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
