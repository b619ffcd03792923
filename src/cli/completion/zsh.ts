import { everyNode, nameOf, type CommandNode, type OptionNode } from './commandTree.js';

/** A completion script for zsh, to be sourced or put in a folder of `$fpath` as `_intentd`. */
export function zshCompletion(program: string, root: CommandNode): string {
  return `#compdef ${program}
# zsh completion for ${program}: source <(${program} completion zsh)
${everyNode(root)
  .map((node) => functionOf(program, node))
  .join('\n')}
if [[ $funcstack[1] == _${program} ]]; then
  _${program} "$@"
else
  compdef _${program} ${program}
fi
`;
}

function functionOf(program: string, node: CommandNode): string {
  const specs = node.options.map(optionSpec);
  if (node.subcommands.length === 0) {
    const rest = node.choices.length === 0 ? '*:file:_files' : `1:value:(${node.choices.join(' ')})`;
    return `${functionName(program, node)}() {
  _arguments -s ${[...specs, quoted(rest)].join(' ')}
}`;
  }
  const described = node.subcommands.map((one) => quoted(`${nameOf(one)}:${one.description}`));
  const cases = node.subcommands.map((one) => `        ${nameOf(one)}) ${functionName(program, one)} ;;`);
  return `${functionName(program, node)}() {
  local context state state_descr line
  typeset -A opt_args
  local -a commands=(${described.join(' ')})
  _arguments -s -C ${[...specs, "'1:command:->command'", "'*::argument:->argument'"].join(' ')}
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}`;
}

function functionName(program: string, { path }: CommandNode): string {
  return ['', program, ...path.split(' ').filter((word) => word !== '')].join('_');
}

function optionSpec({ flags, description, takesValue, choices }: OptionNode): string {
  const text = description.replaceAll(/[[\]:\\]/g, '\\$&');
  const value = !takesValue ? '' : choices.length === 0 ? ':value:_files' : `:value:(${choices.join(' ')})`;
  const group = flags.length > 1 ? `'(${flags.join(' ')})'{${flags.join(',')}}` : quoted(flags[0]!);
  return `${group}${quoted(`[${text}]${value}`)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
