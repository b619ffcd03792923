import { execFileSync } from 'node:child_process';

const python = process.env['INTENTD_PYTHON'] ?? 'python3';

/** Why tests that need these Python packages cannot run here, or `undefined` where they can. */
export function missingPython(...packages: readonly string[]): string | undefined {
  const imports = packages.map((name) => `import ${name}`).join('\n');
  try {
    execFileSync(python, ['-c', imports], { stdio: 'ignore' });
    return undefined;
  } catch {
    return `${python} with ${packages.join(', ')} is not here; INTENTD_PYTHON names another`;
  }
}

/** What a script prints. Throws, with what it said on stderr, where it fails. */
export function runPython(script: URL, args: readonly string[], input = ''): string {
  return execFileSync(python, [script.pathname, ...args], { input, encoding: 'utf8', maxBuffer: 2 ** 28 });
}
