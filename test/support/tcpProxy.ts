import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A wire between client and server that a test can cut, or leave open and dead. */
export class TcpProxy {
  readonly #target: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | undefined;

  constructor(target: number) {
    this.#target = target;
  }

  get port(): number {
    return (this.#server!.address() as AddressInfo).port;
  }

  async start(): Promise<void> {
    const server = createServer((near) => {
      const far = connect(this.#target, '127.0.0.1');
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      near.pipe(far);
      far.pipe(near);
      for (const socket of pair) {
        socket.on('error', () => {
          this.#cut(pair);
        });
        socket.on('close', () => {
          this.#cut(pair);
        });
      }
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }

  /** Breaks every connection. */
  cut(): void {
    for (const pair of this.#pairs) this.#cut(pair);
  }

  /** Leaves every connection open and carries nothing any more: a half-open socket. */
  freeze(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far);
      far.unpipe(near);
    }
  }

  /** Carries on after {@link freeze}. */
  thaw(): void {
    for (const [near, far] of this.#pairs) {
      near.pipe(far);
      far.pipe(near);
    }
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server!.close(resolve));
  }

  #cut(pair: readonly [Socket, Socket]): void {
    this.#pairs.delete(pair);
    for (const socket of pair) socket.destroy();
  }
}
