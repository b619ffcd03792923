import { fork, type ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sha256 } from '../../src/base/index.js';
import type { GateFigure, UpdateHost } from '../../src/update/index.js';
import { built } from './built.js';

type Call = keyof UpdateHost;

interface Reply {
  readonly n: number;
  readonly value?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** An agent in a process of its own, with an embedded broker, whose update host the test calls. */
export class HostedAgent {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'intentd-hosted-'));
  readonly device = 'hosted';
  /** Lines of its log, parsed. */
  readonly log: Record<string, unknown>[] = [];
  url = '';
  #child: ChildProcess | undefined;
  #exited: Promise<void> | undefined;
  #calls = 0;
  readonly #open = new Map<number, (reply: Reply) => void>();

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Starts it and waits until it is ready. */
  async start(settings: Readonly<Record<string, string>>): Promise<void> {
    await built();
    const flags = {
      stateDir: this.stateDir,
      device: this.device,
      'broker.embeddedPort': '0',
      // The machine that tests run on may be busy: deadlines are for the tests that are about them.
      'requests.deadlineMs': '5000',
      ...settings,
    };
    const child = fork(join(import.meta.dirname, 'hostedAgent.mjs'), [JSON.stringify(flags)], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        resolve();
      });
    });
    createInterface({ input: child.stderr! }).on('line', (line) => {
      this.log.push(line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { msg: line });
    });
    const ready = new Promise<string>((resolve) => {
      child.on('message', (message: Reply | { ready: { broker: string } }) => {
        if ('ready' in message) resolve(message.ready.broker);
        else this.#open.get(message.n)?.(message);
      });
    });
    this.url = (await Promise.race([ready, this.#exited])) ?? '';
    if (this.url === '') throw new Error(`the agent ended: ${JSON.stringify(this.log)}`);
  }

  /** Puts a bundle where an update would, and gives its digest. */
  adopt(folder: string): string {
    const digest = sha256(readFileSync(join(folder, 'manifest.json')));
    cpSync(folder, join(this.stateDir, 'models', digest), { recursive: true });
    return digest;
  }

  /** Calls the update host; signals and progress are the agent's. */
  async call(name: Call, ...args: readonly string[]): Promise<unknown> {
    this.#calls += 1;
    const n = this.#calls;
    const reply = await new Promise<Reply>((resolve) => {
      this.#open.set(n, resolve);
      this.#child!.send({ n, call: name, args });
    });
    this.#open.delete(n);
    if (reply.error === undefined) return reply.value;
    throw Object.assign(new Error(reply.error.message), { code: reply.error.code });
  }

  /** A call that gives figures. */
  async figures(name: 'stage' | 'shadow' | 'probation', ...args: readonly string[]): Promise<GateFigure[]> {
    return (await this.call(name, ...args)) as GateFigure[];
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#child?.kill(signal);
    await this.#exited;
  }
}

/** The gates that a bundle failed. */
export function failedOf(figures: readonly GateFigure[]): string[] {
  return figures.filter(({ passed }) => !passed).map(({ gate }) => gate);
}
