import { spawnSync } from 'node:child_process';

/** How a worker is kept off the network: in a network namespace of its own, or not at all. */
export type Isolation = 'namespace' | 'none';

const ways = [
  ['unshare', '--net', '--'],
  ['unshare', '--map-current-user', '--net', '--'],
];

let found: readonly string[] | undefined;

/** What to put before a worker's command so that it has no network; nothing where the kernel forbids it. */
export function isolatingPrefix(): readonly string[] {
  found ??=
    ways.find(([command, ...args]) => {
      const tried = spawnSync(command!, [...args, 'true'], { stdio: 'ignore', timeout: 5000 });
      return tried.status === 0;
    }) ?? [];
  return found;
}

/** Whether workers have no network here. */
export function isolation(): Isolation {
  return isolatingPrefix().length > 0 ? 'namespace' : 'none';
}
