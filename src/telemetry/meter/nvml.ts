import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { IntentdError } from '../../base/index.js';
import type { Meter, MeterInfo, MeterListener } from './meter.js';
import { decodeLine, type NvmlMessage } from './nvmlMessages.js';

export interface NvmlOptions {
  /** The command that reads the counter, and its arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Time between two readings, in milliseconds. */
  readonly intervalMs: number;
  /** Longest time until it says that it is ready, in milliseconds. */
  readonly startMs: number;
  /** Silence after which it counts as hung, in milliseconds; it is ended, and begun again. */
  readonly hangMs: number;
  /** Time until it is begun again, in milliseconds. */
  readonly retryMs: number;
}

/** The energy counter of a discrete NVIDIA GPU, read through the addon by a process of its own. */
export class NvmlMeter implements Meter {
  readonly info: MeterInfo = { kind: 'nvml', device: '', rails: ['GPU'], covers: 'gpu', total: 'GPU' };
  readonly #options: NvmlOptions;
  /** Adding it to the system's clock gives ours, in milliseconds. */
  readonly #offsetMs: number;
  #child: ChildProcess;
  /** The last process that ended, or never began. */
  #over: ChildProcess | undefined;
  #listener: MeterListener | undefined;
  #silence: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  private constructor(options: NvmlOptions, now: () => number) {
    this.#options = options;
    this.#offsetMs = now() - Number(process.hrtime.bigint()) / 1e6;
    this.#child = this.#launch();
  }

  /** @throws IntentdError `no_meter` with the reason where there is no GPU or nothing to read it with */
  static async find(options: NvmlOptions, now: () => number): Promise<NvmlMeter> {
    const meter = new NvmlMeter(options, now);
    try {
      await meter.#ready();
    } catch (error) {
      meter.stop();
      throw error;
    }
    return meter;
  }

  get intervalMs(): number {
    return this.#options.intervalMs;
  }

  start(listener: MeterListener): void {
    this.#listener = listener;
    this.#listen();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#silence);
    clearTimeout(this.#retry);
    this.#child.kill('SIGKILL');
  }

  #launch(): ChildProcess {
    const [command, ...args] = this.#options.command;
    return spawn(command!, [...args, String(this.#options.intervalMs)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: this.#options.env,
    });
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string): void => {
        clearTimeout(patience);
        reject(new IntentdError('no_meter', `The GPU's energy counter cannot be read: ${reason}`));
      };
      const patience = setTimeout(() => {
        fail(`nothing was heard of it for ${this.#options.startMs} ms.`);
      }, this.#options.startMs);
      this.#child.once('error', (error) => {
        fail(error.message);
      });
      const lines = createInterface({ input: this.#child.stdout! });
      lines.once('line', (line) => {
        clearTimeout(patience);
        const message = decodeLine(line);
        if (message?.kind === 'ready') resolve();
        else fail(message?.kind === 'none' ? message.reason : `it said ${JSON.stringify(line)}.`);
        lines.close();
      });
      this.#child.once('exit', () => {
        clearTimeout(patience);
        fail('its process ended.');
      });
    });
  }

  #listen(): void {
    const child = this.#child;
    // Where there are no more descriptors it is not even given one.
    child.stdout?.resume();
    if (child.stdout instanceof Readable) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.#take(decodeLine(line));
      });
    }
    child.once('exit', () => {
      this.#beginAgain(child, 'the process of the meter ended');
    });
    // One that could not be started has no end.
    child.on('error', ({ message }) => {
      this.#beginAgain(child, `the process of the meter could not be started: ${message}`);
    });
    this.#expectMore();
  }

  /** Once for each process. */
  #beginAgain(over: ChildProcess, reason: string): void {
    if (this.#stopped || this.#over === over) return;
    this.#over = over;
    clearTimeout(this.#silence);
    this.#listener!.onFault(reason);
    this.#retry = setTimeout(() => {
      this.#child = this.#launch();
      this.#listen();
    }, this.#options.retryMs);
    this.#retry.unref();
  }

  #take(message: NvmlMessage | undefined): void {
    if (this.#stopped) return;
    this.#expectMore();
    if (message?.kind !== 'energy') {
      if (message?.kind !== 'ready') this.#listener!.onFault('the process of the meter talks nonsense');
      return;
    }
    const { atNs, energyMj } = message;
    const at = Number(atNs) / 1e6 + this.#offsetMs;
    this.#listener!.onSample({ at, unit: 'mJ', total: energyMj, rails: [energyMj] });
  }

  #expectMore(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#listener!.onFault(`the process of the meter said nothing for ${this.#options.hangMs} ms`);
      this.#child.kill('SIGKILL');
    }, this.#options.hangMs);
    this.#silence.unref();
  }
}
