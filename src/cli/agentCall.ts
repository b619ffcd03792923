import type { ControlArguments, ControlCommand, ControlResult } from '../service/index.js';
import type { Io } from './io.js';
import { configOf, type SettingOptions } from './settings.js';

/**
 * Asks the agent of the configured state directory through its control channel; how far it is stands at
 * the bottom of a terminal.
 *
 * @throws IntentdError `no_agent` where none runs, or what the agent refuses it for
 */
export async function askAgent<C extends ControlCommand>(
  options: SettingOptions,
  io: Io,
  command: C,
  given: ControlArguments<C>,
): Promise<ControlResult<C>> {
  const [{ config }, { callAgent, controlSockets }] = await Promise.all([
    configOf(options),
    import('../service/index.js'),
  ]);
  const result = await callAgent(controlSockets(config, process.env), command, given, {
    onProgress: ({ step, done, of }) => {
      io.status(done === undefined || of === undefined ? `${step} …` : `${step}: ${done} of ${of}`);
    },
  });
  io.status('');
  return result;
}
