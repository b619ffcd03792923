import type { IncomingMessage, ServerResponse } from 'node:http';
import { IntentdError, messageOf, type Clock, type Logger } from '../../base/index.js';
import { Metrics } from '../metrics/metrics.js';
import type { Telemetry } from '../telemetry.js';
import type { AgentCounters, AgentView } from './agentView.js';
import { assetRoutes } from './assets.js';
import { Guard } from './guard.js';
import { HistoryReader, isHistoryRange } from './historyReader.js';
import { Live } from './live.js';
import { bodyOf, reply, WebServer, type Handler } from './webServer.js';

export interface SiteOptions {
  readonly host: string;
  readonly port: number;
  /** Host names by which browsers may reach it, besides addresses and localhost. */
  readonly names: readonly string[];
  /** Demanded of every request where there is one. */
  readonly token: string | undefined;
  /** The request log. */
  readonly logPath: string;
  /** The command that reads it; our own if absent. */
  readonly historyCommand?: readonly string[];
}

/** A request's answer, as it goes out over MQTT. */
export interface Answered {
  /** The code of the error, where it is one. */
  readonly error: string | undefined;
  readonly payload: string;
}

export interface SiteSources {
  readonly telemetry: Pick<Telemetry, 'watch' | 'energy' | 'railsMw' | 'powerState' | 'requestLog'>;
  readonly agent: () => AgentView;
  readonly counters: () => AgentCounters;
  /** Answers the payload of a request in intentd's own dialect. */
  readonly ask: (payload: Buffer) => Promise<Answered>;
}

const json = 'application/json; charset=utf-8';
const maxBodyBytes = 64 * 1024;
const statusOf: Readonly<Record<string, number>> = {
  bad_request: 400,
  too_large: 413,
  overloaded: 503,
  unavailable: 503,
  deadline_exceeded: 504,
};

/** What is served over HTTP: the dashboard and Prometheus' metrics. */
export class Site {
  readonly #sources: SiteSources;
  readonly #metrics: Metrics;
  readonly #history: HistoryReader;
  readonly #live: Live;
  readonly #server: WebServer;

  constructor(options: SiteOptions, sources: SiteSources, clock: Clock, log: Logger) {
    this.#sources = sources;
    this.#metrics = new Metrics(sources);
    const { host, port, logPath: path, historyCommand: command } = options;
    this.#history = new HistoryReader({ path, ...(command === undefined ? {} : { command }) }, clock);
    const railsMw = (): ReadonlyMap<string, number> => sources.telemetry.railsMw;
    this.#live = new Live({ agent: sources.agent, railsMw, history: this.#history }, clock, log);
    const routes = new Map([...assetRoutes(), ...this.#routes()]);
    this.#server = new WebServer({ host, port, guard: new Guard(options), routes }, log);
  }

  get url(): string | undefined {
    return this.#server.url;
  }

  /** @throws IntentdError `port_taken` */
  async start(): Promise<void> {
    await this.#server.start();
    this.#sources.telemetry.watch((row) => {
      this.#metrics.note(row);
      this.#live.note(row);
    });
    this.#live.start();
  }

  /** Ends every connection. */
  async stop(): Promise<void> {
    this.#live.stop();
    this.#history.stop();
    await this.#server.stop();
  }

  #routes(): [string, Handler][] {
    return [
      ['GET /metrics', (_request, response) => this.#answerMetrics(response)],
      ['GET /history', (request, response) => this.#answerHistory(request, response)],
      [
        'GET /live',
        (request, response) => {
          this.#live.listen(request, response);
        },
      ],
      ['POST /try', (request, response) => this.#answerTry(request, response)],
    ];
  }

  async #answerMetrics(response: ServerResponse): Promise<void> {
    const { contentType, text } = await this.#metrics.exposition();
    reply(response, { type: contentType, body: text });
  }

  async #answerHistory(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const range = new URL(request.url!, 'http://localhost').searchParams.get('range');
    if (!isHistoryRange(range)) {
      reply(response, {
        status: 400,
        type: json,
        body: errorBody('bad_request', 'Expected ?range=hour or day.'),
      });
      return;
    }
    try {
      reply(response, { type: json, body: JSON.stringify(await this.#history.read(range)) });
    } catch (error) {
      reply(response, { status: 503, type: json, body: errorBody('no_history', messageOf(error)) });
    }
  }

  /** JSON alone is taken: a page of another origin cannot send it without asking first. */
  async #answerTry(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
      const body = errorBody('bad_request', 'Expected Content-Type: application/json.');
      reply(response, { status: 415, type: json, body });
      return;
    }
    try {
      const { error, payload } = await this.#sources.ask(await bodyOf(request, maxBodyBytes));
      const status = error === undefined ? 200 : (statusOf[error] ?? 500);
      reply(response, { status, type: json, body: payload });
    } catch (error) {
      if (!(error instanceof IntentdError) || error.code !== 'too_large') throw error;
      response.setHeader('Connection', 'close');
      reply(response, { status: 413, type: json, body: errorBody(error.code, error.message) });
    }
  }
}

function errorBody(code: string, message: string): string {
  return JSON.stringify({ error: { code, message } });
}
