import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { writeToStream } from 'mqtt-packet';
import { IntentdError, messageOf, type Logger } from '../base/index.js';
import { tameSocket } from './clientSocket.js';
import { EmbeddedLink, type EmbeddedLinkOptions } from './embeddedLink.js';
import type { LinkHandlers } from './link.js';

/** What may be gathered for a client before the broker waits for it to read. */
const highWaterMark = 64 * 1024;

/** A broker inside the daemon, for machines that have none: MQTT 3.1.1, loopback only. */
export class EmbeddedBroker {
  readonly #wantedPort: number;
  readonly #sockets = new Set<Socket>();
  #aedes: Aedes | undefined;
  #server: Server | undefined;

  /** @param port 0 takes any free one */
  constructor(port: number) {
    this.#wantedPort = port;
  }

  /** The port it listens on. */
  get port(): number {
    return (this.#server?.address() as AddressInfo | null)?.port ?? this.#wantedPort;
  }

  /** @throws IntentdError `port_taken` where something else listens there */
  async start(): Promise<void> {
    // Else the first packet makes a buffer of every number of two bytes: 6 MiB.
    writeToStream.cacheNumbers = false;
    const aedes = await Aedes.createBroker({ concurrency: 1000, queueLimit: 10_000 });
    const server = createServer({ noDelay: true, highWaterMark }, (socket) => {
      tameSocket(socket);
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
    this.#aedes = aedes;
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        reject(cannotListen(this.#wantedPort, error));
      });
      server.listen(this.#wantedPort, '127.0.0.1', resolve);
    });
  }

  /** The daemon's own way in and out. */
  link(options: EmbeddedLinkOptions, handlers: LinkHandlers, log: Logger): EmbeddedLink {
    if (this.#aedes === undefined)
      throw new IntentdError('not_started', 'The embedded broker was not started.');
    return new EmbeddedLink(this.#aedes, options, handlers, log);
  }

  async stop(): Promise<void> {
    const aedes = this.#aedes;
    this.#server?.close();
    if (aedes !== undefined) {
      await new Promise<void>((resolve) => {
        aedes.close(resolve);
      });
    }
    for (const socket of this.#sockets) socket.destroy();
  }
}

function cannotListen(port: number, error: Error): IntentdError {
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    return new IntentdError(
      'port_taken',
      `Port ${port} is taken, probably by another broker: use that one with broker.url=mqtt://localhost:${port}, or choose another port with broker.embeddedPort.`,
      { cause: error },
    );
  }
  return new IntentdError('listen_failed', `The embedded broker cannot listen: ${messageOf(error)}.`, {
    cause: error,
  });
}
