import { IntentdError, messageOf, parseJson, parseWith } from '../../base/index.js';
import {
  controlCommands,
  controlVersion,
  requestSchema,
  type ControlAnswer,
  type ControlArguments,
  type ControlCommand,
  type ControlHandlers,
  type ControlResult,
} from './messages.js';

const maxDepth = 8;

/** Does what one line asks and sends its answer: progress where there is some, then a result or an error. */
export async function answerRequest(
  line: Uint8Array,
  handlers: ControlHandlers,
  send: (answer: ControlAnswer) => void,
): Promise<void> {
  try {
    const data = parseJson(line, { name: 'The request', maxDepth });
    const { command, arguments: given } = parseWith(requestSchema, data, 'The request', 'bad_request');
    const result = await perform(command, given, handlers, send);
    send({ v: controlVersion, kind: 'result', result });
  } catch (error) {
    send(errorAnswer(error));
  }
}

async function perform<C extends ControlCommand>(
  command: C,
  given: unknown,
  handlers: ControlHandlers,
  send: (answer: ControlAnswer) => void,
): Promise<ControlResult<C>> {
  const schema = controlCommands[command].arguments;
  const checked = parseWith(schema, given, `The arguments of ${command}`, 'bad_request');
  return handlers[command](checked as ControlArguments<C>, (progress) => {
    send({ v: controlVersion, kind: 'progress', progress });
  });
}

/** The line that tells what went wrong. */
export function errorAnswer(error: unknown): ControlAnswer {
  const code = error instanceof IntentdError ? error.code : 'internal';
  return { v: controlVersion, kind: 'error', error: { code, message: messageOf(error) } };
}
