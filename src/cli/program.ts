import { Command } from 'commander';
import { commands } from './commands.js';
import { exitCodes, report } from './errors.js';
import type { Io } from './io.js';
import { stripControls } from './text.js';
import { agentVersion } from './version.js';

const description = 'On-device intent recognition: utterances in over MQTT, intents out, offline.';

/**
 * The command line: every command, with its help. Commands throw what went wrong.
 *
 * @param only the one command that is wanted, where it is known: loading all takes longer than many run
 */
export async function createProgram(io: Io, only?: string): Promise<Command> {
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
  const wanted = only === undefined ? Object.values(commands) : [commands[only]!];
  for (const add of await Promise.all(wanted.map((load) => load()))) add(program, io);
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
    const [name = ''] = args;
    // Completion needs them all, and so does help, or a word that is no command.
    const only = Object.hasOwn(commands, name) && name !== 'completion' ? name : undefined;
    const program = await createProgram(io, only);
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    return report(error, io, (env['INTENTD_DEBUG'] ?? '') !== '');
  }
}
