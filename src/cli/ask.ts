import type { Command } from 'commander';
import { IntentdError } from '../base/index.js';
import { positiveInteger } from './arguments.js';
import { examples } from './examples.js';
import { percent } from './format.js';
import type { Io } from './io.js';
import type { Reply } from './requester.js';
import { configOf, withSettings, type SettingOptions } from './settings.js';
import { styleFor } from './style.js';

interface AskOptions extends SettingOptions {
  readonly model?: string;
  readonly top?: number;
  readonly timeout: number;
  readonly json?: true;
}

/** `intentd ask TEXT` */
export function addAsk(program: Command, io: Io): void {
  const ask = program
    .command('ask')
    .summary('ask a running agent for the intent of a text')
    .description('Send a text to a running agent over MQTT, and print what it means.')
    .argument('<text...>', 'what to ask; several words need no quotes')
    .option('--model <id>', 'loaded bundle to ask')
    .option('--top <count>', 'alternatives to name, 1 to 10', positiveInteger)
    .option('--timeout <ms>', 'how long to wait for the answer', positiveInteger, 5000)
    .option('--json', 'print the answer as it came');
  withSettings(ask)
    .addHelpText(
      'after',
      examples('intentd ask what is my checking account balance', 'intentd ask "play some jazz" --json'),
    )
    .action(async (words: string[], options: AskOptions) => {
      const { config } = await configOf(options);
      const { Requester } = await import('./requester.js');
      const requester = await Requester.connect(config);
      try {
        const question = {
          text: words.join(' '),
          ...(options.model === undefined ? {} : { model: options.model }),
          ...(options.top === undefined ? {} : { topK: options.top }),
        };
        const reply = await requester.ask(question, { withinMs: options.timeout });
        if (options.json === true) io.print(JSON.stringify(reply, null, 2));
        if ('error' in reply) throw new IntentdError(reply.error.code, reply.error.message);
        if (options.json !== true) for (const line of sentences(reply, io)) io.print(line);
      } finally {
        await requester.close();
      }
    });
}

function sentences(answer: Exclude<Reply, { error: unknown }>, io: Io): string[] {
  const { bold, dim } = styleFor(io);
  const { intent, confidence, alternatives, latencyMs, model } = answer;
  const others = alternatives.map((other) => `${other.intent} ${percent(other.confidence, 1)}`).join(', ');
  return [
    intent === null
      ? `${bold('out of scope')} (best guess ${percent(confidence, 1)})`
      : `${bold(intent)} ${percent(confidence, 1)}`,
    ...(others === '' ? [] : [dim(`  then ${others}`)]),
    dim(`  ${latencyMs.total.toFixed(1)} ms, ${model.id} ${model.version}`),
  ];
}
