import { everyNode, nameOf, type CommandNode } from './commandTree.js';

/** A completion script for bash 4 or newer; what it does not know it leaves to file names. */
export function bashCompletion(program: string, root: CommandNode): string {
  const nodes = everyNode(root);
  const commands = nodes
    .filter(({ path }) => path !== '')
    .map(({ path }) => `'${path}'`)
    .join('|');
  return `# bash completion for ${program}: source <(${program} completion bash)
_${program}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' words='' word next
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    next="\${path:+$path }$word"
    case "$next" in
      ${commands}) path=$next ;;
    esac
  done
  case "$path $prev" in
${nodes.flatMap(valueCases).join('\n')}
  esac
  case "$path" in
${nodes.map(wordCase).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _${program} ${program}
`;
}

/** After an option with a value: its choices, or file names. */
function valueCases({ path, options }: CommandNode): string[] {
  return options
    .filter(({ takesValue }) => takesValue)
    .map(({ flags, choices }) => {
      const pattern = flags.map((flag) => `'${path} ${flag}'`).join('|');
      const reply =
        choices.length === 0 ? '' : ` COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$cur"));`;
      return `    ${pattern})${reply} return ;;`;
    });
}

function wordCase(node: CommandNode): string {
  const words = [...node.subcommands.map(nameOf), ...node.choices];
  const flags = node.options.flatMap((option) => option.flags);
  return `    '${node.path}') words='${words.join(' ')}'; [[ $cur == -* ]] && words='${flags.join(' ')}' ;;`;
}
