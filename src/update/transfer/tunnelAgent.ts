import { request as httpRequest, type ClientRequestArgs } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { IntentdError } from '../../base/index.js';
import { proxyAuthorization } from './proxy.js';

export interface TunnelOptions {
  readonly proxy: URL;
  /** Authorities to trust, of the proxy as well; Node.js' own if absent. */
  readonly ca: string | undefined;
  readonly timeoutMs: number;
}

/** Connects to HTTPS servers through a proxy (RFC 9110, 9.3.6): the proxy sees the host's name and nothing else. */
export class TunnelAgent extends HttpsAgent {
  readonly #tunnel: TunnelOptions;

  constructor(tunnel: TunnelOptions) {
    super({ keepAlive: true, minVersion: 'TLSv1.2', ...(tunnel.ca === undefined ? {} : { ca: tunnel.ca }) });
    this.#tunnel = tunnel;
  }

  override createConnection(
    options: ClientRequestArgs,
    done: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    openTunnel(this.#tunnel, { host: options.host!, port: Number(options.port) }).then(
      (socket) => {
        done(null, super.createConnection({ ...options, socket } as ClientRequestArgs)!);
      },
      (error: unknown) => {
        // It looks at the error first.
        done(error as Error, undefined as never);
      },
    );
  }
}

function openTunnel(
  { proxy, ca, timeoutMs }: TunnelOptions,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Duplex> {
  const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    const request = (proxy.protocol === 'https:' ? httpsRequest : httpRequest)({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: { Host: authority, ...proxyAuthorization(proxy) },
      agent: false,
      ...(ca === undefined ? {} : { ca }),
    });
    const timer = setTimeout(() => request.destroy(new Error('no answer')), timeoutMs);
    const fail = (reason: string, cause?: unknown): void => {
      clearTimeout(timer);
      request.destroy();
      reject(new IntentdError('unreachable', `The proxy ${proxy.host} ${reason}.`, { cause }));
    };
    request.on('error', (error) => {
      fail(`is not reached: ${error.message}`, error);
    });
    request.on('response', ({ statusCode }) => {
      fail(refusalText(statusCode ?? 0));
    });
    request.on('connect', ({ statusCode }, socket: Duplex, head: Buffer) => {
      if (statusCode !== 200) {
        socket.destroy();
        fail(refusalText(statusCode ?? 0));
        return;
      }
      clearTimeout(timer);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.end();
  });
}

function refusalText(status: number): string {
  return status === 407
    ? 'wants a user and a password (HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT in the environment of the agent)'
    : `does not connect to the server: it answers ${status}`;
}
