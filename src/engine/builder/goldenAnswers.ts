import { createTokenizer, padTokens, type Bundle } from '../../model/index.js';
import type { Engine } from '../engine.js';

const batchSize = 8;
const head = 'golden';

/** The best intents of an engine for a bundle's golden utterances, as rows of its head, in their order. */
export async function goldenAnswers(engine: Engine, bundle: Bundle): Promise<number[]> {
  const { golden, tokenizerJson, encoder } = bundle;
  const tokenizer = createTokenizer(tokenizerJson, { positions: encoder.architecture.positions });
  const waiting = golden.map(({ text }, at) => ({ ids: tokenizer.encode(text).ids, at }));
  // Those of a length go together, and little is padded.
  waiting.sort((a, b) => a.ids.length - b.ids.length);
  const best = new Array<number>(golden.length);
  await engine.loadHead(head, bundle.head);
  for (let at = 0; at < waiting.length; at += batchSize) {
    const batch = waiting.slice(at, at + batchSize);
    const { logits } = await engine.infer(padTokens(batch), head);
    const width = logits.length / batch.length;
    batch.forEach((one, row) => {
      best[one.at] = bestOf(logits.subarray(row * width, row * width + bundle.head.intents));
    });
  }
  await engine.dropHead(head);
  return best;
}

/** Share of the utterances in scope whose best intent is theirs; `null` where none is in scope. */
export function inScopeAccuracy(best: readonly number[], { golden, labels }: Bundle): number | null {
  const inScope = golden.flatMap(({ intent }, at) => (intent === null ? [] : [{ intent, at }]));
  if (inScope.length === 0) return null;
  return inScope.filter(({ intent, at }) => labels[best[at]!] === intent).length / inScope.length;
}

/**
 * Share of equal best intents over the utterances in scope, and over those out of scope, apart: what is out of
 * scope has no right intent, and which wrong one comes first is rounding; `null` where there are none.
 */
export function agreement(
  mine: readonly number[],
  others: readonly number[],
  { golden }: Pick<Bundle, 'golden'>,
): { readonly inScope: number | null; readonly outOfScope: number | null } {
  const share = (isInScope: boolean): number | null => {
    const rows = golden.flatMap(({ intent }, at) => ((intent !== null) === isInScope ? [at] : []));
    return rows.length === 0 ? null : rows.filter((at) => mine[at] === others[at]).length / rows.length;
  };
  return { inScope: share(true), outOfScope: share(false) };
}

function bestOf(logits: Float32Array): number {
  let best = 0;
  for (let at = 1; at < logits.length; at++) if (logits[at]! > logits[best]!) best = at;
  return best;
}
