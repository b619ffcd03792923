import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { IntentdError, messageOf, type Logger } from '../../base/index.js';
import type { HeadWeights } from '../../model/index.js';
import type { Candidate } from '../builder/candidates.js';
import type { TakePlan } from '../cache/engineCache.js';
import type { KeyParts } from '../cache/key.js';
import type { Engine, EngineInfo, Inference, TokenBatch } from '../engine.js';
import {
  decodeFailure,
  decodeFloats,
  decodeInference,
  encodeBatch,
  encodeHead,
  encodeNamed,
} from './bodies.js';
import { workerEnvironment } from './environment.js';
import { FrameReader, frameKinds, type Frame } from './frames.js';
import { isolatingPrefix } from './isolation.js';
import { giveWay } from './priority.js';
import { sendFrame, sendJson } from './sending.js';
import { logFrame } from './workerLog.js';

export interface WorkerOptions {
  /** What to run, and with what: the command and its arguments. */
  readonly command: readonly string[];
  /** Longest time until it says that it is ready, in milliseconds. */
  readonly startMs: number;
  /** A call that takes longer counts as hung, and the worker is killed. */
  readonly hangMs: number;
  /** Whether it gives way to all others until it is ready: nobody waits for it. */
  readonly gentle?: boolean;
  /**
   * Answers a worker that wants a plan: `send` takes its bytes in order. The worker uses them only once this
   * has settled well; where it fails, the worker is ended and does not start.
   */
  readonly supply?: (parts: KeyParts, send: TakePlan) => Promise<Candidate>;
}

interface Call {
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The code of errors that mean the worker is gone, whatever was asked of it. */
export const workerGone = 'worker_gone';

const drainPollMs = 2;

/** An engine in a child process, behind a Unix socket that no other process has. */
export class WorkerProcess implements Engine {
  readonly #options: WorkerOptions;
  readonly #log: Logger;
  readonly #calls = new Map<number, Call>();
  readonly #reader = new FrameReader();
  readonly #child: ChildProcess;
  readonly #socket: Socket;
  #info: EngineInfo | undefined;
  #nextCall = 1;
  #gone: IntentdError | undefined;
  /** Settles with the reason as soon as the worker is of no use any more. */
  readonly gone: Promise<string>;
  readonly #exited: Promise<void>;
  #tellGone: (reason: string) => void = () => undefined;

  private constructor(options: WorkerOptions, log: Logger) {
    this.#options = options;
    this.#log = log;
    const [command, ...args] = [...isolatingPrefix(), ...options.command];
    // The fourth stream is a socket pair: it needs no path, and it works from any network namespace.
    this.#child = spawn(command!, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
      env: workerEnvironment(),
    });
    this.#socket = this.#child.stdio[3] as Socket;
    this.#socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    this.#socket.on('error', (error) => {
      this.#end(`its socket failed: ${error.message}`);
    });
    this.#socket.on('close', () => {
      this.kill('it closed its socket');
    });
    this.gone = new Promise((resolve) => {
      this.#tellGone = resolve;
    });
    this.#exited = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#end(error.message);
        resolve();
      });
      this.#child.once('exit', (code, signal) => {
        this.#end(signal === null ? `it exited with ${code ?? 0}` : `it was ended by ${signal}`);
        resolve();
      });
    });
  }

  /**
   * Starts a worker and waits until it is ready.
   *
   * @param signal ends one that is not ready yet
   * @throws IntentdError what the worker said was wrong, or `worker_gone`
   */
  static async start(options: WorkerOptions, log: Logger, signal?: AbortSignal): Promise<WorkerProcess> {
    signal?.throwIfAborted();
    const worker = new WorkerProcess(options, log);
    const cancel = (): void => {
      worker.kill('it is not wanted any more');
    };
    signal?.addEventListener('abort', cancel, { once: true });
    const gentle = options.gentle === true && worker.pid !== 0 ? giveWay(worker.pid) : undefined;
    try {
      const [body, comeBack] = await Promise.all([worker.#expect(0, options.startMs), gentle]);
      comeBack?.();
      worker.#info = JSON.parse(body.toString('utf8')) as EngineInfo;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
    return worker;
  }

  get info(): EngineInfo {
    return this.#info!;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async infer(batch: TokenBatch, head: string): Promise<Inference> {
    const body = await this.#call(frameKinds.infer, encodeNamed(head, encodeBatch(batch)));
    return this.#decoded(() => decodeInference(body, batch));
  }

  async embed(batch: TokenBatch): Promise<Float32Array> {
    const body = await this.#call(frameKinds.embed, encodeBatch(batch));
    return this.#decoded(() => decodeFloats(body, 1)[0]!);
  }

  async loadHead(name: string, head: HeadWeights): Promise<void> {
    await this.#call(frameKinds.loadHead, encodeNamed(name, encodeHead(head)));
  }

  async dropHead(name: string): Promise<void> {
    await this.#call(frameKinds.dropHead, encodeNamed(name, []));
  }

  /** A sign of life: the resident memory of the worker, in KiB. */
  async ping(): Promise<number> {
    const body = await this.#call(frameKinds.ping, []);
    return this.#decoded(() => decodeFloats(body, 1)[0]![0] ?? 0);
  }

  /** Resolves when nothing that was asked of it is open any more. */
  async drained(): Promise<void> {
    while (this.#calls.size > 0) await new Promise((resolve) => setTimeout(resolve, drainPollMs));
  }

  async close(): Promise<void> {
    this.#socket.end();
    const patience = setTimeout(() => {
      this.kill('it did not end when asked');
    }, 2000);
    await this.#exited;
    clearTimeout(patience);
  }

  /** Ends the process at once; calls under way fail with `worker_gone`. */
  kill(reason: string): void {
    this.#end(reason);
    this.#child.kill('SIGKILL');
  }

  async #supply(parts: KeyParts): Promise<void> {
    const { supply } = this.#options;
    let begun = false;
    try {
      if (supply === undefined)
        throw new IntentdError('no_engine', 'The worker wants a plan; there is none.');
      const candidate = await supply(parts, async (piece, total) => {
        if (!begun) await sendJson(this.#socket, frameKinds.planBegin, { bytes: total });
        begun = true;
        await sendFrame(this.#socket, frameKinds.plan, 0, [piece]);
      });
      await sendJson(this.#socket, frameKinds.planEnd, candidate);
    } catch (error) {
      this.#fail(0, error instanceof Error ? error : new Error(messageOf(error)));
      this.kill('it has no engine to load');
    }
  }

  #fail(number: number, error: Error): void {
    const call = this.#calls.get(number);
    if (call === undefined) return;
    this.#calls.delete(number);
    clearTimeout(call.timer);
    call.reject(error);
  }

  #call(kind: number, parts: readonly Uint8Array[]): Promise<Buffer> {
    const call = this.#nextCall;
    this.#nextCall = call >= 0xffff_fff0 ? 1 : call + 1;
    const answered = this.#expect(call, this.#options.hangMs);
    if (this.#gone === undefined) void sendFrame(this.#socket, kind, call, parts);
    return answered;
  }

  #expect(call: number, withinMs: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) {
        reject(this.#gone);
        return;
      }
      const timer = setTimeout(() => {
        this.kill(`it did not answer within ${withinMs} ms`);
      }, withinMs);
      this.#calls.set(call, { resolve, reject, timer });
    });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) this.#settle(frame);
    } catch (error) {
      this.kill(messageOf(error));
    }
  }

  #settle({ kind, call: number, body }: Frame): void {
    if (kind === frameKinds.log) {
      logFrame(body, this.pid, this.#log);
      return;
    }
    if (kind === frameKinds.wanted) {
      void this.#supply(JSON.parse(body.toString('utf8')) as KeyParts);
      return;
    }
    const call = this.#calls.get(number);
    if (call === undefined)
      throw new IntentdError('bad_frame', `A frame answers call ${number}, which is not open.`);
    this.#calls.delete(number);
    clearTimeout(call.timer);
    if (kind === frameKinds.failure) call.reject(decodeFailure(body));
    else call.resolve(body);
  }

  #decoded<T>(decode: () => T): T {
    try {
      return decode();
    } catch (error) {
      this.kill(messageOf(error));
      throw this.#gone ?? error;
    }
  }

  /** Fails what is under way; the first reason given counts. */
  #end(reason: string): void {
    if (this.#gone !== undefined) return;
    this.#gone = new IntentdError(workerGone, `The engine's worker is gone: ${reason.replace(/\.$/, '')}.`);
    this.#log.debug({ pid: this.pid, reason }, 'a worker is gone');
    // Before the calls fail: who asks again must find the next worker.
    this.#tellGone(reason);
    for (const { reject, timer } of this.#calls.values()) {
      clearTimeout(timer);
      reject(this.#gone);
    }
    this.#calls.clear();
  }
}
