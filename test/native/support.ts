import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { addonPath } from '../../src/engine/tensorrt/addon.js';

export const addonFile = addonPath();
/** The addon with an engine that needs no GPU: see test/native/standin. */
export const standinFile = join(dirname(addonFile), 'intentd_native_standin.node');

/** Why tests of an addon cannot run here; `undefined` where they can. */
export const noAddon = missing(addonFile, 'npm run build:native');
export const noStandin = missing(
  standinFile,
  'native/check_compile.sh intentd_native intentd_native_standin',
);

function missing(file: string, made: string): string | undefined {
  return existsSync(file) ? undefined : `${file} is not built: ${made}`;
}

/** The name of a test with the reason why it does not run here. */
export function named(name: string, reason: string | undefined): string {
  return reason === undefined ? name : `${name} (${reason})`;
}

/** What a process of its own, with the addon as `addon`, writes and how it ends: it opens libraries once only. */
export async function inProcess(
  file: string,
  code: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<{ stdout: string; status: number | string }> {
  const wrapped = `const addon = require(process.argv[1]);
    const told = (error) => error.code + ' ' + error.message;
    (async () => { ${code} })();`;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', wrapped, file], {
      env: { ...process.env, ...environment },
      timeout: 20_000,
    });
    return { stdout, status: 0 };
  } catch (error) {
    const {
      stdout = '',
      code: status,
      signal,
    } = error as { stdout?: string; code?: number; signal?: string };
    return { stdout, status: signal ?? status ?? -1 };
  }
}
