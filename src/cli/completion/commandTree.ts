import type { Command, Option } from 'commander';

/** An option as a shell needs to know it. */
export interface OptionNode {
  /** `-n` and `--limit`, or one of them. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The values there are, where they are few. */
  readonly choices: readonly string[];
}

/** A command with what may follow it. */
export interface CommandNode {
  /** The words that lead to it, without the program's name: `model load`; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly subcommands: readonly CommandNode[];
  readonly options: readonly OptionNode[];
  /** Values of its first argument, where they are few. */
  readonly choices: readonly string[];
}

/** What there is to complete, as the commands themselves say it. */
export function commandTree(command: Command, path: readonly string[] = []): CommandNode {
  const help = command.createHelp();
  return {
    path: path.join(' '),
    description: command.summary() || command.description(),
    subcommands: help.visibleCommands(command).map((one) => commandTree(one, [...path, one.name()])),
    options: help.visibleOptions(command).map(optionNode),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
}

/** The node and all below it. */
export function everyNode(node: CommandNode): CommandNode[] {
  return [node, ...node.subcommands.flatMap(everyNode)];
}

/** The last word of its path. */
export function nameOf({ path }: CommandNode): string {
  return path.slice(path.lastIndexOf(' ') + 1);
}

function optionNode(option: Option): OptionNode {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    description: option.description,
    takesValue: option.required || option.optional,
    choices: option.argChoices ?? [],
  };
}
