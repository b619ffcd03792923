import { largestAt, rowOf, type Answers } from './answers.js';
import type { IntentHead } from './intentHead.js';
import type { StageFigures } from './options.js';
import type { Selection } from './selection.js';

/**
 * How near one stage's answers are to the dense model's, and how right they are, on the utterances that
 * nothing was fitted on.
 */
export function stageFigures(
  stage: StageFigures['stage'],
  answers: Answers,
  dense: Answers,
  { utterances, calibration }: Selection,
  { head, labels }: IntentHead,
): StageFigures {
  const outputs = head.intents + head.background;
  const hidden = dense.embeddings.length / utterances.length;
  const measured = utterances.length - calibration;
  let cosines = 0;
  let agreeing = 0;
  let inScope = 0;
  let right = 0;
  for (const [index, { intent }] of utterances.entries()) {
    if (index < calibration) continue;
    const logits = rowOf(answers.logits, index, outputs);
    cosines += cosine(rowOf(answers.embeddings, index, hidden), rowOf(dense.embeddings, index, hidden));
    if (largestAt(logits) === largestAt(rowOf(dense.logits, index, outputs))) agreeing++;
    if (typeof intent !== 'string') continue;
    inScope++;
    if (labels[largestAt(logits.subarray(0, head.intents))] === intent) right++;
  }
  return {
    stage,
    embeddingCosine: cosines / measured,
    agreement: agreeing / measured,
    ...(inScope === 0 ? {} : { accuracy: right / inScope }),
  };
}

function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i]! * b[i]!;
  const lengths = Math.hypot(...a) * Math.hypot(...b);
  return lengths === 0 ? 0 : dot / lengths;
}
