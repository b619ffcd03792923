import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { IntentdError, messageOf } from '../base/index.js';

/** Where a secret lies: a file, or a systemd credential (`LoadCredential=`). */
export interface SecretReference {
  readonly file: string | undefined;
  readonly credential: string | undefined;
}

/**
 * Reads a secret, without the newline at its end; `undefined` where none is configured.
 *
 * @throws IntentdError `bad_config` where it cannot be read, is empty, or two places are named.
 */
export function readSecret(where: SecretReference, env: NodeJS.ProcessEnv): string | undefined {
  if (where.file !== undefined && where.credential !== undefined) {
    throw new IntentdError('bad_config', 'Expected a file or a systemd credential for a secret, not both.');
  }
  const path = where.file ?? credentialPath(where.credential, env);
  if (path === undefined) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new IntentdError('bad_config', `The secret in ${path} cannot be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new IntentdError('bad_config', `${path} is empty; expected a secret.`);
  return secret;
}

function credentialPath(name: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  if (name === undefined) return undefined;
  const folder = env['CREDENTIALS_DIRECTORY'];
  if (folder === undefined || !isAbsolute(folder)) {
    throw new IntentdError(
      'bad_config',
      `The credential ${name} is configured, but systemd passed none; expected LoadCredential=${name}:FILE in the unit.`,
    );
  }
  return join(folder, name);
}
