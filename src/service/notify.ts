import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf, type Logger } from '../base/index.js';

const run = promisify(execFile);

/**
 * Tells systemd how the service is (sd_notify); does nothing where systemd did not start it. A child
 * process tells it, so the unit needs `NotifyAccess=all`.
 */
export class Notifier {
  readonly #env: NodeJS.ProcessEnv;
  readonly #log: Logger;
  #telling: Promise<void> = Promise.resolve();

  constructor(env: NodeJS.ProcessEnv, log: Logger) {
    this.#env = env;
    this.#log = log;
  }

  /** Whether systemd listens. */
  get active(): boolean {
    return (this.#env['NOTIFY_SOCKET'] ?? '') !== '';
  }

  /**
   * Milliseconds between two feedings of the watchdog, a third of what systemd allows; `undefined` where
   * there is no watchdog.
   */
  get watchdogMs(): number | undefined {
    const microseconds = Number(this.#env['WATCHDOG_USEC']);
    return this.active && microseconds > 0 ? Math.floor(microseconds / 3000) : undefined;
  }

  ready(status: string): Promise<void> {
    return this.#tell('READY=1', `STATUS=${status}`);
  }

  status(status: string): Promise<void> {
    return this.#tell(`STATUS=${status}`);
  }

  stopping(): Promise<void> {
    return this.#tell('STOPPING=1');
  }

  watchdog(): Promise<void> {
    return this.#tell('WATCHDOG=1');
  }

  /** One after the other, so that no older state arrives last. Node.js cannot write to such a socket. */
  #tell(...assignments: string[]): Promise<void> {
    if (!this.active) return Promise.resolve();
    this.#telling = this.#telling.then(async () => {
      try {
        await run('systemd-notify', assignments, { env: this.#env });
      } catch (error) {
        this.#log.warn({ reason: messageOf(error) }, 'systemd could not be told');
      }
    });
    return this.#telling;
  }
}
