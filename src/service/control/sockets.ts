import { join } from 'node:path';
import { defaultStateDir, type Config } from '../../config/index.js';

/** Where a service's runtime folder is; systemd makes it. */
const runtimeFolder = '/run/intentd';
const fileName = 'control.sock';

/**
 * Paths at which an agent with this configuration may listen for commands, the preferred one first. An
 * agent takes the first whose folder it may write to, and clients try them in order. The runtime folder is
 * only for an agent whose state directory was not chosen: another one has its socket with its state.
 */
export function controlSockets(
  { control, stateDir }: Pick<Config, 'control' | 'stateDir'>,
  env: NodeJS.ProcessEnv,
): readonly string[] {
  if (control.socket !== undefined) return [control.socket];
  const own = join(stateDir, fileName);
  return stateDir === defaultStateDir(env) ? [join(runtimeFolder, fileName), own] : [own];
}
