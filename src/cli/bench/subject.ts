import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { IntentdError, builtProgram } from '../../base/index.js';

const startsWithinMs = 60_000;

/** An agent of our own, started for a measurement as a person would start it, with a broker of its own. */
export class OwnAgent {
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly stateDir: string;
  readonly #exited: Promise<void>;

  private constructor(child: ChildProcess, stateDir: string, url: string, exited: Promise<void>) {
    this.#child = child;
    this.stateDir = stateDir;
    this.#exited = exited;
    this.pid = child.pid!;
    this.url = url;
  }

  /**
   * Starts `intentd run` on a free port and in a folder of its own, and waits until it is ready.
   *
   * @param options further options of `intentd run`
   * @throws IntentdError `not_started` with the last that it said
   */
  static async start(options: readonly string[]): Promise<OwnAgent> {
    const stateDir = await mkdtemp(join(tmpdir(), 'intentd-bench-'));
    const main = builtProgram('main.js');
    const free = ['--set', 'broker.embeddedPort=0', '--set', 'web.port=0'];
    const own = ['--state-dir', stateDir, ...free, '--set', 'log.level=info'];
    const child = spawn(process.execPath, [main, 'run', ...options, ...own], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, NOTIFY_SOCKET: '' },
    });
    const exited = new Promise<void>((resolve) => {
      child.once('close', () => {
        resolve();
      });
    });
    try {
      return new OwnAgent(child, stateDir, await brokerUrlOf(child), exited);
    } catch (error) {
      child.kill('SIGKILL');
      await rm(stateDir, { recursive: true, force: true });
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#exited;
    await rm(this.stateDir, { recursive: true, force: true });
  }
}

/** Reads the agent's log until it says that it is ready, and where. */
function brokerUrlOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let last = 'nothing';
    const failed = (why: string): void => {
      reject(
        new IntentdError('not_started', `The agent to be measured ${why}; the last it said was: ${last}`),
      );
    };
    const patience = setTimeout(() => {
      failed(`was not ready within ${startsWithinMs / 1000} s`);
    }, startsWithinMs);
    createInterface({ input: child.stderr! }).on('line', (line) => {
      last = line;
      const entry = line.startsWith('{') ? (JSON.parse(line) as { msg?: unknown; broker?: unknown }) : {};
      if (entry.msg !== 'ready' || typeof entry.broker !== 'string') return;
      clearTimeout(patience);
      resolve(entry.broker);
    });
    child.once('close', () => {
      clearTimeout(patience);
      failed('ended');
    });
  });
}
