import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf, type Clock, type Logger } from '../../base/index.js';
import type { RequestRow } from '../row.js';
import type { AgentView } from './agentView.js';
import { EventStream } from './eventStream.js';
import type { HistoryReader } from './historyReader.js';
import { LiveWindow } from './liveWindow.js';

export interface LiveSources {
  readonly agent: () => AgentView;
  readonly railsMw: () => ReadonlyMap<string, number>;
  readonly history: Pick<HistoryReader, 'intentsByMinute'>;
}

const secondMs = 1000;
const hourMs = 3_600_000;
/** Answers that end within this are told together. */
const togetherMs = 100;

/** Tells pages what happens as it happens: answers within a tenth of a second, figures every second. */
export class Live {
  readonly #sources: LiveSources;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #window: LiveWindow;
  readonly #stream = new EventStream();
  readonly #startedAt: number;
  #told = '';
  #untold = 0;
  #seeded = false;
  #ticking: NodeJS.Timeout | undefined;
  #telling: NodeJS.Timeout | undefined;

  constructor(sources: LiveSources, clock: Clock, log: Logger) {
    this.#sources = sources;
    this.#clock = clock;
    this.#log = log;
    this.#window = new LiveWindow(clock);
    this.#startedAt = clock.wall();
  }

  note(row: RequestRow): void {
    this.#window.note(row);
    if (this.#stream.clients === 0) return;
    this.#untold += 1;
    this.#telling ??= setTimeout(() => {
      this.#tellAnswers();
    }, togetherMs);
  }

  start(): void {
    this.#window.begin();
    this.#ticking = setInterval(() => {
      this.#tick();
    }, secondMs);
    this.#ticking.unref();
  }

  stop(): void {
    clearInterval(this.#ticking);
    clearTimeout(this.#telling);
  }

  /** Makes a response a stream of events; refuses where too many listen. */
  listen(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#seeded) void this.#seed();
    if (this.#stream.add(request, response, () => this.#hello())) return;
    response.writeHead(503, { 'Retry-After': '10', 'Content-Type': 'text/plain; charset=utf-8' });
    response.end('Too many pages listen; close one.\n');
  }

  #hello(): object {
    return {
      agent: this.#sources.agent(),
      startedAt: this.#startedAt,
      seconds: this.#window.seconds,
      newest: this.#window.newest,
      standing: this.#window.standing,
    };
  }

  #tick(): void {
    const second = this.#window.tick(this.#sources.railsMw());
    if (this.#stream.clients === 0) return;
    this.#stream.send('second', { second, standing: this.#window.standing });
    const agent = this.#sources.agent();
    const told = JSON.stringify(agent);
    if (told === this.#told) return;
    this.#told = told;
    this.#stream.send('agent', agent);
  }

  #tellAnswers(): void {
    this.#telling = undefined;
    this.#stream.send('answers', this.#window.newest.slice(-this.#untold));
    this.#untold = 0;
  }

  /** The last hour before this process began, once somebody looks. */
  async #seed(): Promise<void> {
    this.#seeded = true;
    try {
      const since = this.#clock.wall() - hourMs;
      if (since >= this.#startedAt) return;
      this.#window.seed(await this.#sources.history.intentsByMinute(since, this.#startedAt));
    } catch (error) {
      this.#log.debug({ reason: messageOf(error) }, 'the dashboard begins without the last hour');
    }
  }
}
