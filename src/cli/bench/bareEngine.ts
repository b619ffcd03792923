import { openOnnxRuntimeEngine } from '../../engine/index.js';
import { createTokenizer, padTokens, readBundle } from '../../model/index.js';
import { percentilesOf } from './tally.js';

/** The engine without a daemon around it. */
export interface BareEngine {
  /** The bundle it ran, as `id version`. */
  readonly model: string;
  /** One utterance at a time, in milliseconds. */
  readonly p50Ms: number;
  /** Utterances a second, at the best of the batch sizes. */
  readonly perSecond: number;
  readonly batchSize: number;
}

const batchSizes = [1, 4, 16];

/**
 * Runs a bundle's encoder and head in this process, on the same utterances, tokenized beforehand, for
 * `seconds` at each batch size.
 *
 * @throws IntentdError `bad_bundle` and what else keeps it from running
 */
export async function measureBareEngine(
  folder: string,
  { texts, threads, seconds }: { texts: readonly string[]; threads: number; seconds: number },
): Promise<BareEngine> {
  const { encoder, head, manifest, tokenizerJson } = await readBundle(folder);
  const { architecture, id, version } = manifest;
  const tokenizer = createTokenizer(tokenizerJson, { positions: architecture.positions });
  const tokens = texts.map((text) => tokenizer.encode(text));
  const engine = await openOnnxRuntimeEngine({ encoder, digest: head.encoder, precision: 'int8', threads });
  try {
    await engine.loadHead(id, head);
    let best = { perSecond: 0, batchSize: 1 };
    let p50Ms = 0;
    for (const batchSize of batchSizes) {
      const batches = chunks(tokens, batchSize).map((chunk) => padTokens(chunk));
      const times: number[] = [];
      for (const batch of batches.slice(0, 20)) await engine.infer(batch, id);
      const began = performance.now();
      for (let at = 0; performance.now() - began < seconds * 1000; at++) {
        const sentAt = performance.now();
        await engine.infer(batches[at % batches.length]!, id);
        times.push(performance.now() - sentAt);
      }
      const perSecond = (times.length * batchSize * 1000) / (performance.now() - began);
      if (batchSize === 1) p50Ms = percentilesOf(times).p50Ms ?? 0;
      if (perSecond > best.perSecond) best = { perSecond, batchSize };
    }
    return { model: `${id} ${version}`, p50Ms, ...best };
  } finally {
    await engine.close();
  }
}

/** Groups of exactly `size`, what is left over dropped: batches as a daemon under load makes them. */
function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.floor(items.length / size) }, (_, at) =>
    items.slice(at * size, (at + 1) * size),
  );
}
