import { mkdtempSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '../../src/base/index.js';
import {
  requestLogPath,
  Telemetry,
  Web,
  type AgentView,
  type SiteOptions,
  type SiteSources,
} from '../../src/telemetry/index.js';

export const agentView: AgentView = {
  version: '0.1.0',
  device: 'kitchen',
  state: 'online',
  broker: { url: 'mqtt://127.0.0.1:1883', up: true },
  engines: [
    {
      kind: 'onnxruntime',
      version: '1.30.0',
      precision: 'int8',
      form: 'static-u8s8',
      encoder: 'e'.repeat(64),
      state: 'serving',
      restarts: 2,
      residentMib: 120,
    },
  ],
  models: [{ name: 'tiny', version: '1.0.0', digest: 'd'.repeat(64), engine: 'onnxruntime', default: true }],
  building: null,
  update: { phase: 'idle', installed: '1.0.0' },
  meter: { meter: null, fault: 'no meter here' },
};

const counters = {
  queued: 3,
  outbox: 1,
  outboxDropped: 0,
  repeated: 4,
  received: 10,
  refused: 2,
  retained: 1,
  otherSite: 0,
};

/** A dashboard over a real telemetry room without a meter, in front of an agent that says what a test wants. */
export class WebSite {
  private constructor(
    readonly web: Web,
    readonly telemetry: Telemetry,
    /** The request log. */
    readonly logPath: string,
  ) {}

  static async open(
    options: Partial<SiteOptions> = {},
    sources: Partial<SiteSources> = {},
  ): Promise<WebSite> {
    const stateDir = mkdtempSync(join(tmpdir(), 'intentd-web-'));
    const logPath = requestLogPath(stateDir);
    const requestLog = {
      path: logPath,
      commitMs: 60_000,
      maxPending: 10_000,
      maxAgeMs: 1e13,
      maxBytes: 1e9,
      maxWalBytes: 1e9,
    };
    const meter = { kind: 'none', intervalMs: 10, sysfs: '/nonexistent', gpu: false } as const;
    const telemetry = new Telemetry({ enabled: true, requestLog, meter }, systemClock, silentLogger);
    telemetry.start();
    const web = new Web(
      { host: '127.0.0.1', port: 0, names: [], token: undefined, logPath, ...options },
      {
        telemetry,
        agent: () => agentView,
        counters: () => counters,
        ask: (payload) => Promise.resolve({ error: undefined, payload: payload.toString() }),
        ...sources,
      },
      systemClock,
      silentLogger,
    );
    await web.start();
    return new WebSite(web, telemetry, logPath);
  }

  get port(): number {
    return Number(new URL(this.web.url!).port);
  }

  async close(): Promise<void> {
    await this.web.stop();
    await this.telemetry.stop();
  }

  /** Asks as a client that may say whatever it likes, a wrong Host as well. */
  ask(
    path: string,
    { method = 'GET', headers = {}, body = '' }: { method?: string; headers?: object; body?: string } = {},
  ): Promise<{ status: number; headers: IncomingHttpHeaders; text: string }> {
    return new Promise((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port: this.port, path, method, headers: { ...headers }, agent: false },
        (response) => {
          let text = '';
          response.on('data', (chunk: Buffer) => (text += chunk.toString()));
          response.on('end', () => {
            resolve({ status: response.statusCode!, headers: response.headers, text });
          });
          response.on('error', reject);
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }
}
