import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import { IntentdError } from '../../base/index.js';
import { FolderTransport } from './folderTransport.js';
import { HttpTransport, type HttpTransportOptions } from './httpTransport.js';
import type { Transport } from './transport.js';

/**
 * The way to a repository.
 *
 * @param location `https://…`, `file://…` or the absolute path of a folder
 * @throws IntentdError `bad_source`
 */
export function transportFor(location: string, http: HttpTransportOptions): Transport {
  if (isAbsolute(location)) return new FolderTransport(location);
  const url = URL.canParse(location) ? new URL(location) : undefined;
  if (url?.protocol === 'file:' && url.host === '') return new FolderTransport(fileURLToPath(url));
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return new HttpTransport(url, http);
  throw new IntentdError(
    'bad_source',
    `${JSON.stringify(location)} is no source of updates: expected https://HOST/PATH, file:///PATH or a folder.`,
  );
}
