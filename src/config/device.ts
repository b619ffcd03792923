import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';

/** The host's name made safe for topics and six hex digits of a hash of the machine's id. */
export function defaultDeviceId(host = hostname(), machineId = readMachineId()): string {
  const safe = host.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, 57);
  const digits = createHash('sha256').update(`intentd:${machineId}`).digest('hex').slice(0, 6);
  return `${safe === '' ? 'device' : safe}-${digits}`;
}

/** systemd's `StateDirectory=` where it gives one, else the user's folder for state. */
export function defaultStateDir(env: NodeJS.ProcessEnv): string {
  const given = env['STATE_DIRECTORY']?.split(':')[0];
  if (given !== undefined && given !== '') return given;
  const base = env['XDG_STATE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.local', 'state') : base, 'intentd');
}

function readMachineId(): string {
  for (const file of ['/etc/machine-id', '/var/lib/dbus/machine-id']) {
    try {
      const id = readFileSync(file, 'utf8').trim();
      if (id !== '') return id;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return hostname();
}
