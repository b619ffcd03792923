import { accessSync, constants, lstatSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { IntentdError, type Logger } from '../../base/index.js';
import { answerRequest, errorAnswer } from './answerRequest.js';
import { LineReader } from './lines.js';
import { maxRequestBytes, type ControlAnswer, type ControlHandlers } from './messages.js';

const maxConnections = 32;
const idleMs = 60_000;
/** Time that a refused client has to read why. */
const lingerMs = 1000;
/** Requests of one connection that wait for their turn. */
const maxWaiting = 16;
/** The agent's user and group may connect, and nobody else. */
const umaskOfSocket = 0o117;

/**
 * Takes commands on a Unix socket: one JSON object a line, answered one after the other on each connection.
 * Who may connect is decided by the file's permissions: Node.js does not tell a peer's credentials.
 */
export class ControlServer {
  readonly #handlers: ControlHandlers;
  readonly #log: Logger;
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  #path: string | undefined;

  constructor(handlers: ControlHandlers, log: Logger) {
    this.#handlers = handlers;
    this.#log = log;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#serve(socket);
    });
    this.#server.maxConnections = maxConnections;
  }

  /** Where it listens. */
  get path(): string | undefined {
    return this.#path;
  }

  /**
   * Listens on the first path whose folder can be written to.
   *
   * @throws IntentdError `already_running` where another agent listens there, `bad_socket`
   */
  async start(paths: readonly string[]): Promise<void> {
    const path = paths.find(isUsable) ?? paths.at(-1)!;
    await removeStale(path);
    const before = process.umask(umaskOfSocket);
    try {
      await listen(this.#server, path);
    } finally {
      process.umask(before);
    }
    this.#path = path;
    this.#server.on('error', (error) => {
      this.#log.warn({ reason: error.message }, 'the control channel could not take a connection');
    });
  }

  /** Takes nothing more, and ends every connection. */
  async stop(): Promise<void> {
    if (this.#path === undefined) return;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }

  #serve(socket: Socket): void {
    const reader = new LineReader(maxRequestBytes);
    let turn: Promise<void> = Promise.resolve();
    let waiting = 0;
    const send = (answer: ControlAnswer): void => {
      if (socket.writable) socket.write(`${JSON.stringify(answer)}\n`);
    };
    const refuse = (error: unknown): void => {
      send(errorAnswer(error));
      socket.end();
      setTimeout(() => socket.destroy(), lingerMs).unref();
    };
    this.#connections.add(socket);
    socket.setTimeout(idleMs, () => {
      if (waiting === 0) socket.destroy();
    });
    socket.on('data', (chunk) => {
      try {
        for (const line of reader.push(chunk)) {
          waiting += 1;
          if (waiting > maxWaiting) {
            throw new IntentdError('overloaded', `At most ${maxWaiting} requests may wait on a connection.`);
          }
          turn = turn.then(async () => {
            await answerRequest(line, this.#handlers, send);
            waiting -= 1;
          });
        }
      } catch (error) {
        void turn.then(() => {
          refuse(error);
        });
        // What still comes is thrown away, so that the client reads why before the connection ends.
        socket.removeAllListeners('data').resume();
      }
    });
    socket.on('end', () => void turn.then(() => socket.end()));
    socket.on('error', (error) => {
      this.#log.debug({ reason: error.message }, 'a client of the control channel is gone');
    });
    socket.on('close', () => this.#connections.delete(socket));
  }
}

function isUsable(path: string): boolean {
  try {
    accessSync(dirname(path), constants.W_OK);
    return true;
  } catch {
    // The folder is missing or another user's: the next path is for that.
    return false;
  }
}

/** Removes the socket of an agent that is gone; one that answers, or anything else, is left alone. */
async function removeStale(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new IntentdError(
      'bad_socket',
      `${path} is there and is no socket: remove it, or set control.socket.`,
    );
  }
  if (await answers(path)) {
    throw new IntentdError(
      'already_running',
      `Another agent runs here and listens on ${path}: ask that one, stop it, or choose another folder with --state-dir.`,
    );
  }
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error): void => {
      reject(new IntentdError('bad_socket', `${path} cannot be listened on: ${cause.message}.`, { cause }));
    };
    server.once('error', fail);
    server.listen(path, () => {
      server.off('error', fail);
      resolve();
    });
  });
}
