import type { Command } from 'commander';
import { askAgent } from '../agentCall.js';
import { examples } from '../examples.js';
import type { Io } from '../io.js';
import { withSettings, type SettingOptions } from '../settings.js';

/** `intentd engine build [MODEL]` */
export function addBuild(engine: Command, io: Io): void {
  const build = engine
    .command('build')
    .summary("build a model's TensorRT engine again, and let it serve")
    .description(
      "Build the TensorRT engine of a model's encoder in a running agent, also where there is one, and let it " +
        'serve once it answers the golden utterances. Requests are answered meanwhile.',
    )
    .argument('[model]', 'by which requests ask for it; the default model if absent')
    .option('--json', 'print one JSON object');
  withSettings(build)
    .addHelpText('after', examples('intentd engine build', 'intentd engine build clinc150-minilm-l6 --json'))
    .action(async (model: string | undefined, options: SettingOptions & { json?: true }) => {
      const done = await askAgent(options, io, 'engine.build', model === undefined ? {} : { name: model });
      if (options.json === true) io.print(JSON.stringify(done, null, 2));
      else io.print(`${done.engine} serves, built in ${done.seconds} s: ${done.reason}`);
    });
}
