import { IntentdError, silentLogger } from '../../base/index.js';
import type { Engine } from '../../engine/index.js';
import type { Bundle } from '../../model/index.js';
import { configOf, type SettingOptions } from '../settings.js';

/**
 * The TensorRT engine that an agent with these settings built for a bundle's encoder, in a worker of its own, with
 * the bundle's head loaded under the bundle's id.
 *
 * @throws IntentdError `no_engine` where none was built, or why TensorRT cannot be used
 */
export async function openTensorRtEngine(bundle: Bundle, options: SettingOptions): Promise<Engine> {
  const [{ config }, { TensorRt }] = await Promise.all([configOf(options), import('../../daemon.js')]);
  const demanded = { ...config, engine: { ...config.engine, kind: 'tensorrt' as const } };
  const launch = TensorRt.find(demanded, silentLogger)!.launching({
    bundle: bundle.digest,
    folder: () => bundle.folder,
    missing: () => undefined,
    loaded: () => undefined,
  });
  const worker = await launch(new AbortController().signal).catch((error: unknown) => {
    if (!(error instanceof IntentdError) || error.code !== 'no_engine') throw error;
    throw new IntentdError(
      'no_engine',
      `No agent of ${config.stateDir} built an engine for this encoder with these settings yet: run one, or name its --state-dir.`,
      { cause: error },
    );
  });
  try {
    await worker.loadHead(bundle.manifest.id, bundle.head);
    return worker;
  } catch (error) {
    await worker.close();
    throw error;
  }
}
