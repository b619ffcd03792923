import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { IntentdError, messageOf, systemClock } from '../../base/index.js';
import type { PublisherContext } from '../../update/index.js';

/** Options of every command that signs. */
export interface KeyOptions {
  readonly keys: string;
  readonly rootKeys?: readonly string[];
  readonly passphraseFile?: string;
  readonly rootPassphraseFile?: string;
}

/** Adds the options by which a command finds its keys; passphrases come from files, never as arguments. */
export function withKeys(command: Command): Command {
  return command
    .requiredOption('-k, --keys <folder>', 'folder of the keys that sign every day')
    .option(
      '-r, --root-keys <folder>',
      'folder of root keys, best on an offline medium; may be repeated',
      collect,
    )
    .option('-p, --passphrase-file <file>', 'file with the passphrase of the keys; - is standard input')
    .option('--root-passphrase-file <file>', 'the same for the root keys (default: the same passphrase)');
}

/**
 * @param signs whether keys are to be opened, which takes their passphrase
 * @throws IntentdError `usage`, `bad_key`
 */
export async function openPublisher(
  repository: string,
  options: KeyOptions,
  signs = true,
): Promise<PublisherContext> {
  const { openContext } = await import('../../update/index.js');
  const { passphraseFile } = options;
  if (signs && passphraseFile === undefined) {
    throw new IntentdError('usage', 'The keys are locked: name the file with their passphrase with -p.');
  }
  const passphrase = signs ? await readPassphrase(passphraseFile!) : '';
  const rootPassphrase =
    options.rootPassphraseFile === undefined ? passphrase : await readPassphrase(options.rootPassphraseFile);
  return openContext({
    repository,
    keys: { folder: options.keys, passphrase },
    rootKeys: (options.rootKeys ?? []).map((folder) => ({ folder, passphrase: rootPassphrase })),
    clock: systemClock,
  });
}

const leastCharacters = 12;

async function readPassphrase(file: string): Promise<string> {
  const given = await readText(file);
  const passphrase = given.replace(/\r?\n$/, '');
  if (passphrase.length < leastCharacters) {
    throw new IntentdError(
      'usage',
      `The passphrase in ${file} has fewer than ${leastCharacters} characters.`,
    );
  }
  return passphrase;
}

async function readText(file: string): Promise<string> {
  try {
    return file === '-' ? await text(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new IntentdError('usage', `The passphrase cannot be read: ${messageOf(cause)}.`, { cause });
  }
}

function collect(folder: string, previous: readonly string[] = []): string[] {
  return [...previous, folder];
}
