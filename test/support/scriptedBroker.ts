import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const kinds = {
  ...{ connect: 1, connack: 2, publish: 3, puback: 4, subscribe: 8, suback: 9 },
  ...{ unsubscribe: 10, unsuback: 11, ping: 12, pong: 13 },
};

export interface Script {
  /** Receive Maximum that it grants; 100 if absent. */
  readonly receiveMaximum?: number;
  /** Reason code for every subscription, e.g. 0x87, not authorized; QoS 1 is granted if absent. */
  readonly granted?: number;
}

export interface Published {
  readonly topic: string;
  readonly payload: string;
}

/**
 * A broker of MQTT 5 for one client, that does what a test needs of one: it takes QoS 1 messages one after the
 * other, each acknowledged a moment later, counts how many are unacknowledged together, delivers what it is told
 * to, with DUP or without, and breaks connections.
 */
export class ScriptedBroker {
  readonly #script: Script;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What was published, in the order in which it came. */
  readonly published: Published[] = [];
  /** Connections that were opened. */
  connections = 0;
  mostUnacknowledged = 0;
  #unacknowledged = 0;
  #packet = 0;

  constructor(script: Script = {}) {
    this.#script = script;
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#serve(socket);
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Payloads published to a topic. */
  on(topic: string): string[] {
    return this.published.filter((message) => message.topic === topic).map(({ payload }) => payload);
  }

  /** Delivers a QoS 1 message; with DUP it has the number of the one before. */
  deliver(
    topic: string,
    payload: string | Buffer,
    options: { readonly dup?: boolean; readonly responseTopic?: string } = {},
  ): void {
    if (options.dup !== true) this.#packet += 1;
    const { responseTopic } = options;
    // MQTT 5, 3.3.2.3.5: 0x08, Response Topic.
    const properties = responseTopic === undefined ? [] : [0x08, ...text(responseTopic)];
    const body = [...text(topic), ...sixteen(this.#packet), properties.length, ...properties];
    const flags = (options.dup === true ? 8 : 0) | (1 << 1);
    const packet = Buffer.concat([Buffer.from(body), Buffer.from(payload)]);
    for (const socket of this.#sockets) socket.write(packetOf(kinds.publish, packet, flags));
  }

  /** Breaks every connection, whatever is unacknowledged. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#unacknowledged = 0;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.connections += 1;
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk]);
      for (let packet = cutPacket(rest); packet !== undefined; packet = cutPacket(rest)) {
        rest = rest.subarray(packet.bytes);
        this.#answer(socket, packet);
      }
    });
  }

  #answer(socket: Socket, { kind, flags, body }: Packet): void {
    const { receiveMaximum = 100, granted = 1 } = this.#script;
    const number = [body[0]!, body[1]!];
    if (kind === kinds.connect) {
      // MQTT 5, 3.2: no session, success, and one property: 0x21, Receive Maximum.
      socket.write(packetOf(kinds.connack, [0, 0, 3, 0x21, ...sixteen(receiveMaximum)]));
    } else if (kind === kinds.subscribe) {
      const reasons = Array.from({ length: filtersOf(body) }, () => granted);
      socket.write(packetOf(kinds.suback, [...number, 0, ...reasons]));
    } else if (kind === kinds.unsubscribe) {
      socket.write(packetOf(kinds.unsuback, [...number, 0, 0]));
    } else if (kind === kinds.ping) {
      socket.write(packetOf(kinds.pong, []));
    } else if (kind === kinds.publish) {
      this.#take(socket, body, (flags >> 1) % 4 === 1);
    }
  }

  #take(socket: Socket, body: Buffer, reliable: boolean): void {
    const topicEnd = 2 + body.readUInt16BE(0);
    const propertiesAt = topicEnd + (reliable ? 2 : 0);
    // The properties of what an agent publishes are short: one byte tells their length.
    const payloadAt = propertiesAt + 1 + body[propertiesAt]!;
    this.published.push({
      topic: body.toString('utf8', 2, topicEnd),
      payload: body.toString('utf8', payloadAt),
    });
    if (!reliable) return;
    this.#unacknowledged += 1;
    this.mostUnacknowledged = Math.max(this.mostUnacknowledged, this.#unacknowledged);
    setImmediate(() => {
      this.#unacknowledged -= 1;
      if (socket.writable) socket.write(packetOf(kinds.puback, [body[topicEnd]!, body[topicEnd + 1]!]));
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
function cutPacket(stream: Buffer): Packet | undefined {
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

/** How many topic filters a SUBSCRIBE holds (MQTT 5, 3.8). */
function filtersOf(body: Buffer): number {
  let count = 0;
  for (let at = 3 + body[2]!; at < body.length; at += 3 + body.readUInt16BE(at)) count += 1;
  return count;
}

function packetOf(kind: number, body: readonly number[] | Buffer, flags = 0): Buffer {
  const length: number[] = [];
  for (let left = body.length; left > 0 || length.length === 0; left = Math.floor(left / 128)) {
    length.push((left % 128) + (left >= 128 ? 128 : 0));
  }
  return Buffer.concat([Buffer.from([(kind << 4) | flags, ...length]), Buffer.from(body)]);
}

function sixteen(number: number): [number, number] {
  return [number >> 8, number & 255];
}

function text(value: string): number[] {
  const bytes = Buffer.from(value);
  return [...sixteen(bytes.length), ...bytes];
}
