import { createConnection, type Socket } from 'node:net';
import { IntentdError, messageOf, parseJson, parseWith } from '../../base/index.js';
import { LineReader } from './lines.js';
import {
  answerSchema,
  controlCommands,
  controlVersion,
  maxAnswerBytes,
  type ControlAnswer,
  type ControlArguments,
  type ControlCommand,
  type ControlResult,
  type Progress,
} from './messages.js';

export interface CallOptions {
  readonly onProgress?: (progress: Progress) => void;
  /** Longest silence of the agent, in milliseconds; a minute if absent. */
  readonly silenceMs?: number;
}

/**
 * Asks a running agent to do something, and waits for the answer.
 *
 * @param paths where its socket may be, as `controlSockets` gives them
 * @throws IntentdError what the agent refused it for, `no_agent` where none listens, `no_answer`
 */
export async function callAgent<C extends ControlCommand>(
  paths: readonly string[],
  command: C,
  given: ControlArguments<C>,
  options: CallOptions = {},
): Promise<ControlResult<C>> {
  const socket = await connect(paths);
  try {
    socket.write(`${JSON.stringify({ v: controlVersion, command, arguments: given })}\n`);
    const result = await answerOn(socket, options);
    const schema = controlCommands[command].result;
    return parseWith(schema, result, 'The answer', 'bad_answer') as ControlResult<C>;
  } finally {
    socket.destroy();
  }
}

async function connect(paths: readonly string[]): Promise<Socket> {
  const reasons: string[] = [];
  for (const path of paths) {
    try {
      return await connectTo(path);
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new IntentdError(
    'no_agent',
    `No agent can be reached (${reasons.join('; ')}): does one run here, with the same --state-dir, and may you write to its socket? Start it with: intentd run`,
  );
}

function connectTo(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function answerOn(socket: Socket, { onProgress, silenceMs = 60_000 }: CallOptions): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const reader = new LineReader(maxAnswerBytes);
    const take = (answer: ControlAnswer): void => {
      if (answer.kind === 'progress') onProgress?.(answer.progress);
      else if (answer.kind === 'result') resolve(answer.result);
      else reject(new IntentdError(answer.error.code, answer.error.message));
    };
    socket.setTimeout(silenceMs, () => {
      reject(new IntentdError('no_answer', `The agent said nothing for ${silenceMs} ms.`));
    });
    socket.on('data', (chunk) => {
      try {
        for (const line of reader.push(chunk)) take(parseAnswer(line));
      } catch (error) {
        reject(error instanceof Error ? error : new Error(messageOf(error)));
      }
    });
    socket.on('error', reject);
    socket.on('close', () => {
      reject(new IntentdError('no_answer', 'The agent ended the connection without an answer.'));
    });
  });
}

function parseAnswer(line: Uint8Array): ControlAnswer {
  return parseWith(answerSchema, parseJson(line, { name: 'The answer' }), 'The answer', 'bad_answer');
}
