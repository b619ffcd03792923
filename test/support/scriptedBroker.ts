import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const kinds = { connect: 1, connack: 2, publish: 3, puback: 4, subscribe: 8, suback: 9, disconnect: 14 };

/**
 * A broker of MQTT 5 for one client with one subscription, that takes QoS 1 messages one after the other, each acknowledged a
 * moment later, and counts how many are unacknowledged together.
 */
export class CountingBroker {
  readonly #receiveMaximum: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Payloads, in the order in which they came. */
  readonly received: string[] = [];
  mostUnacknowledged = 0;
  #unacknowledged = 0;

  constructor(receiveMaximum: number) {
    this.#receiveMaximum = receiveMaximum;
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      let rest = Buffer.alloc(0);
      socket.on('data', (chunk) => {
        rest = Buffer.concat([rest, chunk]);
        for (let packet = cut(rest); packet !== undefined; packet = cut(rest)) {
          rest = rest.subarray(packet.bytes);
          this.#answer(socket, packet);
        }
      });
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(socket: Socket, { kind, flags, body }: Packet): void {
    if (kind === kinds.connect) {
      // MQTT 5, 3.2: no session, success, and one property: 0x21, Receive Maximum.
      socket.write(
        packetOf(kinds.connack, [0, 0, 3, 0x21, this.#receiveMaximum >> 8, this.#receiveMaximum & 255]),
      );
    } else if (kind === kinds.subscribe) {
      socket.write(packetOf(kinds.suback, [body[0]!, body[1]!, 0, 1]));
    } else if (kind === kinds.publish && (flags >> 1) % 4 === 1) {
      this.#take(socket, body);
    }
  }

  #take(socket: Socket, body: Buffer): void {
    const topicEnd = 2 + body.readUInt16BE(0);
    // After the topic: the packet's number, the length of its properties, which are short, and the payload.
    const payloadAt = topicEnd + 3 + body[topicEnd + 2]!;
    this.received.push(body.toString('utf8', payloadAt));
    this.#unacknowledged += 1;
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, this.#unacknowledged);
    setImmediate(() => {
      this.#unacknowledged -= 1;
      socket.write(packetOf(kinds.puback, [body[topicEnd]!, body[topicEnd + 1]!]));
    });
  }
}

interface Packet {
  readonly kind: number;
  readonly flags: number;
  readonly body: Buffer;
  readonly bytes: number;
}

/** The first packet of a stream; `undefined` while it is not whole. */
function cut(stream: Buffer): Packet | undefined {
  let length = 0;
  for (let at = 1; at < Math.min(stream.length, 5); at++) {
    length += (stream[at]! & 127) * 128 ** (at - 1);
    if (stream[at]! >= 128) continue;
    const bytes = at + 1 + length;
    if (stream.length < bytes) return undefined;
    return { kind: stream[0]! >> 4, flags: stream[0]! & 15, body: stream.subarray(at + 1, bytes), bytes };
  }
  return undefined;
}

function packetOf(kind: number, body: readonly number[]): Buffer {
  return Buffer.from([kind << 4, body.length, ...body]);
}
