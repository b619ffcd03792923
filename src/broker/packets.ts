import { ErrorWithSubackPacket, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import type { Inbound, Outbound } from './message.js';

/** What a connection says of itself to the broker. */
export interface Introduction {
  readonly clientId: string;
  readonly keepaliveSeconds: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Published by the broker when this client is gone without a word. */
  readonly will?: Outbound;
  /** Whether the broker keeps the session, and messages for it, while the client is away. */
  readonly persistent: boolean;
}

const sessionExpirySeconds = 3600;

/** For a client that neither reconnects, subscribes nor queues by itself. */
export function clientOptions(introduction: Introduction, protocolVersion: 4 | 5): IClientOptions {
  const { clientId, username, password, will, persistent, keepaliveSeconds } = introduction;
  return {
    clientId,
    protocolId: 'MQTT',
    protocolVersion,
    clean: !persistent,
    keepalive: keepaliveSeconds,
    connectTimeout: 10_000,
    reconnectPeriod: 0,
    manualConnect: true,
    resubscribe: false,
    queueQoSZero: false,
    // A buffer of every number of two bytes: 6 MiB.
    writeCache: false,
    ...(protocolVersion === 5 && persistent
      ? { properties: { sessionExpiryInterval: sessionExpirySeconds } }
      : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(will === undefined ? {} : { will: willOf(will) }),
  };
}

function willOf({ topic, payload, qos, retain = false }: Outbound): NonNullable<IClientOptions['will']> {
  return { topic, payload: Buffer.from(payload), qos, retain };
}

export function inboundOf(topic: string, payload: Buffer, packet: IPublishPacket): Inbound {
  const { responseTopic, correlationData, messageExpiryInterval } = packet.properties ?? {};
  return {
    topic,
    payload,
    qos: packet.qos,
    retain: packet.retain,
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(messageExpiryInterval === undefined ? {} : { expirySeconds: messageExpiryInterval }),
  };
}

/** Subscribes at QoS 1; where the broker denies a topic, the error says which. */
export async function subscribe(client: MqttClient, topics: readonly string[]): Promise<void> {
  if (topics.length === 0) return;
  try {
    await client.subscribeAsync([...topics], { qos: 1 });
  } catch (error) {
    const granted = error instanceof ErrorWithSubackPacket ? error.packet.granted : [];
    const denied = topics.filter((_topic, at) => Number(granted[at]) >= 128);
    if (denied.length === 0) throw error;
    throw new Error(`the broker denied the subscription to ${denied.join(', ')}: allow it there`, {
      cause: error,
    });
  }
}

/** Why the broker ended the connection, in words. */
export function disconnectReason(code: number | undefined): string {
  // MQTT 5, 3.14.2.1: session taken over.
  if (code === 0x8e) return 'another client took over the session: is there a second device of this id?';
  return `the broker disconnected with reason ${code ?? 0}`;
}

/** Whether a broker says that it does not speak the version: 1 in 3.1.1, 132 in 5. */
export function isVersionRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 1 || code === 132;
}
