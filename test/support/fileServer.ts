import { readFileSync, statSync } from 'node:fs';
import {
  createServer as createHttp,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { sha256 } from '../../src/base/index.js';

/** What a server does instead of giving out a file; `true` where it did. */
export type Misbehaviour = (
  request: IncomingMessage,
  response: ServerResponse,
  file: Buffer | undefined,
) => boolean;

/** A static file server with ranges and strong ETags, that can be told to misbehave. */
export class FileServer {
  folder: string;
  misbehave: Misbehaviour = () => false;
  readonly requests: {
    readonly path: string;
    readonly range: string | undefined;
    readonly status: number;
  }[] = [];
  readonly #server: Server;
  readonly #secure: boolean;
  readonly #sockets = new Set<Socket>();
  connections = 0;

  /** @param pair PEM of key and certificate; plain HTTP without it */
  constructor(folder: string, pair?: { readonly key: string; readonly cert: string }) {
    this.folder = folder;
    this.#secure = pair !== undefined;
    const handle = (request: IncomingMessage, response: ServerResponse): void => {
      this.#answer(request, response);
    };
    this.#server = pair === undefined ? createHttp(handle) : createHttps(pair, handle);
    this.#server.on(pair === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `${this.#secure ? 'https' : 'http'}://127.0.0.1:${this.port}/`;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = new URL(request.url!, 'http://x').pathname.slice(1);
    const file = readIfFile(join(this.folder, path));
    const { range } = request.headers;
    response.on('close', () => this.requests.push({ path, range, status: response.statusCode }));
    if (this.misbehave(request, response, file)) return;
    if (file === undefined) {
      response.writeHead(404).end();
      return;
    }
    const etag = etagOf(file);
    const from = /^bytes=(\d+)-$/.exec(range ?? '')?.[1];
    const ifRange = request.headers['if-range'];
    if (from === undefined || (ifRange !== undefined && ifRange !== etag)) {
      response.writeHead(200, { 'Content-Length': file.length, ETag: etag }).end(file);
    } else if (Number(from) >= file.length) {
      response.writeHead(416, { 'Content-Range': `bytes */${file.length}` }).end();
    } else {
      const part = file.subarray(Number(from));
      const headers = { 'Content-Range': `bytes ${from}-${file.length - 1}/${file.length}`, ETag: etag };
      response.writeHead(206, { ...headers, 'Content-Length': part.length }).end(part);
    }
  }
}

/** What the server calls a file's content. */
export function etagOf(file: Buffer): string {
  return `"${sha256(file).slice(0, 16)}"`;
}

function readIfFile(path: string): Buffer | undefined {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(path) : undefined;
}
