import { sha256OfFile } from '../../base/index.js';
import type { NativePaths, BuildSettings } from '../builder/task.js';
import type { KeyParts } from '../cache/key.js';
import type { RuntimeInfo } from './addon.js';

const maxLibraryBytes = 256 * 2 ** 20;

/**
 * What an engine of this graph depends on, here and now.
 *
 * @param onnx SHA-256 of the INT8 graph with the settings' attention
 * @param encoder SHA-256 of `encoder.safetensors`
 * @throws IntentdError `bad_file` where the plugin library cannot be read
 */
export async function keyPartsOf(
  { tensorrt, driver, cudaDriver, gpu, sm }: RuntimeInfo,
  { onnx, encoder }: { readonly onnx: string; readonly encoder: string },
  settings: BuildSettings,
  paths: NativePaths,
): Promise<KeyParts> {
  const plugin =
    settings.attention === 'plugin'
      ? await sha256OfFile(paths.plugins, { maxBytes: maxLibraryBytes, name: paths.plugins })
      : null;
  return {
    onnx,
    encoder,
    tensorrt,
    driver: driver === '' ? cudaDriver : driver,
    gpu,
    sm,
    plugin,
    settings,
  };
}
