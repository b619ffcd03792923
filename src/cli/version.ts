import { readFileSync } from 'node:fs';
import { packageFile } from '../base/index.js';

/** The version in package.json. */
export function agentVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version;
}
