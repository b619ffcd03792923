import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { built } from './built.js';
import { freePort } from './mosquitto.js';

/** `intentd run` as a process of its own, as a person would start it. */
export class Agent {
  readonly stateDir = mkdtempSync(join(tmpdir(), 'intentd-agent-'));
  readonly device = 'agent';
  /** Lines of its log, parsed. */
  readonly log: Record<string, unknown>[] = [];
  port = 0;
  #child: ChildProcess | undefined;
  #exited: Promise<number> | undefined;

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Whether its process was started. */
  get running(): boolean {
    return this.#child !== undefined;
  }

  /** The options by which other commands find this agent. */
  get options(): string[] {
    return [
      '--set',
      `broker.embeddedPort=${this.port}`,
      '--device',
      this.device,
      '--state-dir',
      this.stateDir,
    ];
  }

  /** Starts it and waits until it says that it is ready. */
  async start(...more: string[]): Promise<void> {
    const dist = await built();
    if (this.port === 0) this.port = await freePort();
    // The machine that tests run on may be busy: deadlines are for the tests that are about them.
    const patient = ['--set', 'requests.deadlineMs=5000'];
    const args = [join(dist, 'main.js'), 'run', ...this.options, ...patient, '--set', 'web.port=0', ...more];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(code ?? (signal === 'SIGKILL' ? 137 : 1));
      });
    });
    const ready = new Promise<void>((resolve) => {
      let rest = '';
      child.stderr.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#note(line, resolve);
      });
    });
    const ended = await Promise.race([ready, this.#exited]);
    if (ended !== undefined) throw new Error(`the agent ended with ${ended}: ${JSON.stringify(this.log)}`);
  }

  /** Sends a signal and gives the exit status. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number> {
    if (this.#child === undefined) return 0;
    this.#child.kill(signal);
    return await this.#exited!;
  }

  #note(line: string, ready: () => void): void {
    const entry = line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { msg: line };
    this.log.push(entry);
    if (entry['msg'] === 'ready') ready();
  }
}

/** Runs the compiled command line, and gives what it wrote and its exit status. */
export async function intentd(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const child = spawn(process.execPath, [join(await built(), 'main.js'), ...args]);
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const status = await new Promise<number>((resolve) => {
    child.once('close', (code) => {
      resolve(code ?? 1);
    });
  });
  return { status, out, err };
}
