import { silentLogger } from '../../src/base/index.js';
import { Broker, type BrokerOptions, type Request } from '../../src/broker/index.js';

/** Options of a broker room on the embedded broker, any free port. */
export const brokerDefaults: BrokerOptions = {
  device: 'dev',
  prefix: 'intentd',
  embeddedPort: 0,
  protocol: 'auto',
  keepaliveSeconds: 30,
  responseTopics: ['intentd/+/response/#', '+/+/response'],
  pools: [],
  hermes: { enabled: true, siteIds: [] },
};

/** A broker room and what it said of itself. */
export interface BrokerRoom {
  readonly broker: Broker;
  readonly requests: Request[];
  /** Why the connection was lost or refused, each time, and how long the room waited then. */
  readonly downs: string[];
  readonly waitsMs: number[];
  /** Resolves when the room is connected for the first time. */
  readonly up: Promise<void>;
}

/** @param onRequest called for each request */
export function brokerRoom(
  options: Partial<BrokerOptions>,
  onRequest: (request: Request, broker: Broker) => void = () => undefined,
): BrokerRoom {
  const [requests, downs, waitsMs]: [Request[], string[], number[]] = [[], [], []];
  let connected: () => void = () => undefined;
  const up = new Promise<void>((resolve) => (connected = resolve));
  const broker = new Broker(
    { ...brokerDefaults, ...options },
    {
      onRequest: (request) => {
        requests.push(request);
        onRequest(request, broker);
      },
      onRefused: () => undefined,
      onUp: () => {
        connected();
      },
      onDown: (reason, waitMs) => {
        downs.push(reason);
        waitsMs.push(waitMs);
      },
    },
    silentLogger,
  );
  return { broker, requests, downs, waitsMs, up };
}
