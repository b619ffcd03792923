import { Argument, type Command } from 'commander';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { bashCompletion } from './bash.js';
import { commandTree } from './commandTree.js';
import { fishCompletion } from './fish.js';
import { zshCompletion } from './zsh.js';

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;
type Shell = keyof typeof scripts;

/** `intentd completion SHELL`; to be added last, though it completes whatever there is when it runs. */
export function addCompletion(program: Command, io: Io): void {
  program
    .command('completion')
    .summary('print a script that completes commands in a shell')
    .description('Print a script by which a shell completes the commands and options of intentd.')
    .addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      examples(
        'intentd completion bash > ~/.local/share/bash-completion/completions/intentd',
        'intentd completion zsh > ~/.zsh/completions/_intentd',
        'intentd completion fish > ~/.config/fish/completions/intentd.fish',
      ),
    )
    .action((shell: Shell) => {
      io.print(scripts[shell](program.name(), commandTree(program)).trimEnd());
    });
}
