import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Lock {
  readonly packages: Record<string, { readonly hasInstallScript?: boolean }>;
}

// npm update writes the mark back: take `"hasInstallScript": true` out of onnxruntime-node's entry again.
it('npm ci does not run the install script of onnxruntime-node, which would fetch CUDA libraries', () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lock;
  const run = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript === true);
  expect(run.map(([path]) => path)).toEqual(['node_modules/better-sqlite3', 'node_modules/protobufjs']);
});
