import { InvalidArgumentError, type Command } from 'commander';

export interface RolloutOptions {
  readonly channel: string;
  readonly share: number;
  readonly devices?: readonly string[];
}

/** Adds the options that say who may take a release. */
export function withRollout(command: Command, channel: string): Command {
  return command
    .option('--channel <name>', 'the channel: canary, stable, or one of your own', channel)
    .option('--share <percent>', 'percent of the devices that may take it; 0 takes it out', share, 100)
    .option('--devices <kinds>', 'only for these kinds, e.g. jetson-orin,linux-x64', kinds);
}

function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value === 0 || (value >= 0.01 && value <= 100))) {
    throw new InvalidArgumentError('Expected 0, or a percentage between 0.01 and 100.');
  }
  return value;
}

function kinds(text: string): string[] {
  return text.split(',').map((kind) => kind.trim());
}
