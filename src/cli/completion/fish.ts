import { everyNode, nameOf, type CommandNode, type OptionNode } from './commandTree.js';

/** A completion script for fish; what it does not know it leaves to file names. */
export function fishCompletion(program: string, root: CommandNode): string {
  const nodes = everyNode(root);
  const paths = nodes.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  const lines = nodes.flatMap((node) => linesOf(program, node));
  return `# fish completion for ${program}: ${program} completion fish | source
function __${program}_at --description 'whether the words so far lead to this command'
    set -l known ${paths.join(' ')}
    set -l path
    for word in (commandline -opc)[2..-1]
        set -l next (string join ' ' -- $path $word)
        contains -- "$next" $known; and set path $path $word
    end
    test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}

function linesOf(program: string, node: CommandNode): string[] {
  const start = `complete -c ${program} -n ${quoted(`__${program}_at "${node.path}"`)}`;
  return [
    ...node.subcommands.map((one) => `${start} -f -a ${nameOf(one)} -d ${quoted(one.description)}`),
    ...(node.choices.length === 0 ? [] : [`${start} -f -a ${quoted(node.choices.join(' '))}`]),
    ...node.options.map((option) => `${start} ${optionWords(option)}`),
  ];
}

function optionWords({ flags, description, takesValue, choices }: OptionNode): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const value = !takesValue ? [] : choices.length === 0 ? ['-r'] : ['-x', '-a', quoted(choices.join(' '))];
  return [...names, ...value, '-d', quoted(description)].join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
