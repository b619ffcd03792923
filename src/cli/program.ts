import { Command } from 'commander';
import { exitCodes, report } from './errors.js';
import { addHomeAssistant } from './homeAssistant.js';
import type { Io } from './io.js';
import { addAsk } from './ask.js';
import { addBench } from './bench/index.js';
import { addCompletion } from './completion/index.js';
import { addDemo } from './demo.js';
import { addDoctor } from './doctor/index.js';
import { addEngineCommands } from './engine/index.js';
import { addModelCommands } from './model/index.js';
import { addLog } from './log.js';
import { addPublishCommands } from './publish/index.js';
import { addRun } from './run.js';
import { addStats } from './stats.js';
import { stripControls } from './text.js';
import { agentVersion } from './version.js';

const description = 'On-device intent recognition: utterances in over MQTT, intents out, offline.';

/** The command line: every command, with its help. Commands throw what went wrong. */
export function createProgram(io: Io): Command {
  const program = new Command('intentd')
    .description(description)
    .version(agentVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        io.print(text.trimEnd());
      },
      writeErr: (text) => {
        io.note(text.trimEnd());
      },
      getOutHelpWidth: () => io.columns,
      getErrHelpWidth: () => io.columns,
      getOutHasColors: () => io.color,
      getErrHasColors: () => false,
      outputError: (text, write) => {
        write(
          `intentd: ${stripControls(text.trim().replaceAll(/\s+/g, ' ')).replace(/^error: /, '')} [usage]`,
        );
      },
    });
  addRun(program, io);
  addAsk(program, io);
  addLog(program, io);
  addStats(program, io);
  addModelCommands(program, io);
  addEngineCommands(program, io);
  addPublishCommands(program, io);
  addHomeAssistant(program, io);
  addDoctor(program, io);
  addDemo(program, io);
  addBench(program, io);
  addCompletion(program, io);
  return program;
}

/**
 * Runs one command and returns its exit status: 0 done, 1 it failed or found something wrong, 2 it was
 * called wrongly.
 *
 * @param args what follows the program's name
 */
export async function runCommandLine(
  args: readonly string[],
  io: Io,
  env: NodeJS.ProcessEnv = {},
): Promise<number> {
  try {
    await createProgram(io).parseAsync(args, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    return report(error, io, (env['INTENTD_DEBUG'] ?? '') !== '');
  }
}
