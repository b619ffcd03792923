import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const executablePath = [process.env['CHROMIUM'] ?? '', '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path !== '' && existsSync(path),
);

/** Whether a Chromium is here; tests that need it skip without. `CHROMIUM` names one. */
export const haveChromium = executablePath !== undefined;

/** Starts Chromium without a window. Its sandbox needs what containers and root do not have. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: executablePath!, args: ['--no-sandbox'] });
}
