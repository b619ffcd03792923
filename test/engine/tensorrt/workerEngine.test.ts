import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IntentdError, packageFile, silentLogger } from '../../../src/base/index.js';
import { WorkerProcess, type KeyParts } from '../../../src/engine/index.js';
import { built } from '../../support/built.js';
import { writeFakeAddon } from '../../support/fakeAddon.js';

describe('which engine a worker of TensorRT wants', () => {
  let folder: string;
  let script: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'intentd-wanted-'));
    script = join(await built(), 'engine/worker/main.js');
    mkdirSync(join(folder, 'manifest-alone'));
    copyFileSync(
      packageFile('models/clinc150-minilm-l6/manifest.json'),
      join(folder, 'manifest-alone/manifest.json'),
    );
  }, 300_000);
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** What it asked for: it is given nothing. */
  async function wanted(graph?: string): Promise<KeyParts> {
    const settings = { attention: 'standard', candidates: 'int8', builderLevel: 3, workspaceMib: 64 };
    const paths = { addon: writeFakeAddon(folder), plugins: '' };
    const task = { kind: 'tensorrt', folder: join(folder, 'manifest-alone'), paths, settings, graph };
    const asked: KeyParts[] = [];
    const options = {
      command: [process.execPath, script, JSON.stringify(task)],
      startMs: 60_000,
      hangMs: 60_000,
      supply: (parts: KeyParts) => {
        asked.push(parts);
        return Promise.reject(new IntentdError('no_engine', 'none'));
      },
    };
    const error: unknown = await WorkerProcess.start(options, silentLogger).catch(
      (reason: unknown) => reason,
    );
    if (asked[0] === undefined) throw error;
    return asked[0];
  }

  it('is told by the manifest alone where the graph is known', async () => {
    expect(await wanted('a graph')).toMatchObject({ onnx: 'a graph', gpu: 'Fake Orin' });
  });

  it('takes the whole bundle where it is not', async () => {
    await expect(wanted()).rejects.toMatchObject({ code: 'bad_bundle' });
  });
});
