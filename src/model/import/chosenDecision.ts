import type { Manifest } from '../bundle/index.js';
import type { Head } from '../encoder.js';
import { largestAt, rowOf, type Answers } from './answers.js';
import type { IntentHead } from './intentHead.js';
import type { DecisionFits } from './options.js';
import type { Selection } from './selection.js';

type Decision = Manifest['decision'];

/** Decision parameters, and sentences on where they come from. */
export interface ChosenDecision {
  readonly decision: Decision;
  readonly notes: readonly string[];
}

/** Fewer labelled utterances of a kind say nothing about a threshold or temperature. */
const fewest = 10;
const ambiguityMargin = 0.1;
const falseRejection = 0.05;

/**
 * Chooses how an imported model decides: by what the INT8 model answers on the labelled utterances it was
 * calibrated on, as far as there are any.
 */
export function chooseDecision(
  answers: Answers,
  selection: Selection,
  intents: IntentHead,
  fits: DecisionFits | undefined,
): ChosenDecision {
  const fitted = selection.utterances.slice(0, selection.calibration);
  const inScope = fitted.flatMap(({ intent }, index) => (typeof intent === 'string' ? [index] : []));
  const outside = fitted.filter(({ intent }) => intent === null).length;
  const notes: string[] = [];
  let temperature = 1;
  if (fits !== undefined && inScope.length >= fewest) {
    temperature = fits.fitTemperature(labelledLogits(answers, selection, intents, inScope));
    notes.push(`Temperature ${temperature.toFixed(3)} was fitted on ${inScope.length} labelled utterances.`);
  } else {
    notes.push('Temperature is 1: confidences are the classifier’s own and are not calibrated.');
  }
  if (intents.head.background > 0) {
    notes.push(
      'An utterance is out of scope where the classifier’s own out-of-scope output outweighs all intents.',
    );
    return { decision: decisionOf(temperature, 'background', 0), notes };
  }
  if (fits !== undefined && inScope.length >= fewest && outside >= fewest) {
    const scores = inScope.map((index) => scoreOf(answers, index, intents.head, temperature));
    const threshold = fits.fitThreshold(scores, falseRejection);
    notes.push(
      `The out-of-scope threshold ${threshold.toFixed(4)} rejects 5 % of ${inScope.length} in-scope utterances.`,
    );
    return { decision: decisionOf(temperature, 'maxProbability', threshold), notes };
  }
  notes.push(
    `Nothing is ever out of scope: a threshold is fitted on at least ${fewest} labelled utterances in scope and ${fewest} out of scope.`,
  );
  return { decision: decisionOf(temperature, 'maxProbability', 0), notes };
}

/** The intent that an utterance is answered with under a decision; `null` is out of scope. */
export function answerOf(
  answers: Answers,
  index: number,
  { head, labels }: IntentHead,
  { temperature, outOfScope }: Decision,
): string | null {
  if (scoreOf(answers, index, head, temperature) < outOfScope.threshold) return null;
  const logits = rowOf(answers.logits, index, head.intents + head.background);
  return labels[largestAt(logits.subarray(0, head.intents))]!;
}

function decisionOf(
  temperature: number,
  score: Decision['outOfScope']['score'],
  threshold: number,
): Decision {
  return { temperature, outOfScope: { score, threshold }, ambiguityMargin };
}

/** `background` where the head has such rows, else `maxProbability`: docs/bundle-format.md, "Decision". */
function scoreOf({ logits }: Answers, index: number, head: Head, temperature: number): number {
  const own = rowOf(logits, index, head.intents + head.background);
  const inScope = own.subarray(0, head.intents);
  if (head.background > 0) return logSumExp(inScope, 1) - logSumExp(own.subarray(head.intents), 1);
  return Math.exp(inScope[largestAt(inScope)]! / temperature - logSumExp(inScope, temperature));
}

function logSumExp(values: Float32Array, temperature: number): number {
  const most = values[largestAt(values)]! / temperature;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value / temperature - most), 0));
}

function labelledLogits(
  { logits }: Answers,
  { utterances }: Selection,
  { head, labels }: IntentHead,
  indices: readonly number[],
): Parameters<DecisionFits['fitTemperature']>[0] {
  const own = new Float32Array(indices.length * head.intents);
  for (const [row, index] of indices.entries()) {
    own.set(
      rowOf(logits, index, head.intents + head.background).subarray(0, head.intents),
      row * head.intents,
    );
  }
  const targets = Int32Array.from(indices, (index) => labels.indexOf(utterances[index]!.intent!));
  return { logits: own, targets, intents: head.intents };
}
