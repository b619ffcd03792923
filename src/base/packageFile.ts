import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);
const root = rootOf(here);

/** Whether this is the built program, and not its sources. */
export const isBuilt = here.startsWith(join(root, 'dist') + sep);

/** Path of a file that is shipped with the program, from the folder of its `package.json`. */
export function packageFile(path: string): string {
  return join(root, path);
}

/** Path of a program that is built beside this one, and runs in a process of its own: its name in `dist/`. */
export function builtProgram(name: string): string {
  return packageFile(join('dist', name));
}

/** The nearest folder above with a `package.json`: a bundle does not say which module stood where. */
function rootOf(path: string): string {
  const folder = dirname(path);
  if (folder === path || existsSync(join(folder, 'package.json'))) return folder;
  return rootOf(folder);
}
