import { decide, type Judged, outOfScopeScore, type ScoreKind, scoreKindsOf } from '../../decision/index.js';
import type { Engine } from '../../engine/index.js';
import { padTokens } from '../../model/index.js';
import type { LabelledUtterance } from './labelledData.js';
import type { Model } from './openModel.js';

/** What a model made of every utterance of a split. */
export interface Judgement {
  readonly judged: readonly Judged[];
  /** Each utterance's score of every kind that the head can give, in order. */
  readonly scores: ReadonlyMap<ScoreKind, readonly number[]>;
  /** From text to decision, each utterance's, in order. */
  readonly totalMs: readonly number[];
  /** How many utterances were longer than the model's positions, and were cut. */
  readonly truncated: number;
}

/**
 * Answers utterances one at a time, as they are served: an answer depends on nothing but its utterance.
 *
 * @param head name of the head that the engine has loaded for the model
 * @param onProgress called after each utterance with how many are done
 */
export async function judge(
  { bundle, tokenizer, rules }: Model,
  engine: Pick<Engine, 'infer'>,
  head: string,
  utterances: readonly LabelledUtterance[],
  onProgress: (done: number) => void,
): Promise<Judgement> {
  const judged: Judged[] = [];
  const totalMs: number[] = [];
  const scores = new Map(scoreKindsOf(bundle.head).map((kind) => [kind, [] as number[]]));
  let truncated = 0;
  for (const [at, { text, intent }] of utterances.entries()) {
    const start = performance.now();
    const tokens = tokenizer.encode(text);
    const { logits, embeddings: embedding } = await engine.infer(padTokens([tokens]), head);
    const decision = decide({ logits, embedding }, rules, { topK: 1 });
    totalMs.push(performance.now() - start);
    const { confidence, score } = decision;
    judged.push({
      expected: intent,
      best: decision.intent ?? decision.alternatives[0]!.intent,
      confidence,
      score,
    });
    for (const [kind, all] of scores) all.push(outOfScopeScore(kind, { logits, embedding }, rules));
    if (tokens.truncated) truncated += 1;
    onProgress(at + 1);
  }
  return { judged, scores, totalMs, truncated };
}
