import { IntentdError } from '../base/index.js';

/** The ways to score how much an utterance belongs to the intents; see docs/bundle-format.md. */
export const scoreKinds = ['maxProbability', 'maxLogit', 'energy', 'background', 'centroid'] as const;
export type ScoreKind = (typeof scoreKinds)[number];

/** `decision` of a bundle's manifest. */
export interface DecisionParameters {
  readonly temperature: number;
  readonly outOfScope: { readonly score: ScoreKind; readonly threshold: number };
  /** Least difference between the two best probabilities of an answer that is not ambiguous. */
  readonly ambiguityMargin: number;
}

/** What decides on the outputs of one head. */
export interface DecisionRules extends DecisionParameters {
  /** Names of the first outputs; `background` more outputs follow them. */
  readonly intents: readonly string[];
  readonly background: number;
  /** `[intents, hidden]` row-major, unit length. */
  readonly centroids?: Float32Array;
  readonly indexOf: ReadonlyMap<string, number>;
}

/** What of a head its decisions depend on. */
export interface DecidedHead {
  readonly background: number;
  readonly centroids?: Float32Array;
}

/**
 * Rules for a bundle's labels, head and decision parameters.
 *
 * @throws IntentdError `bad_rules` where the parameters ask for what the head does not have.
 */
export function createRules(
  intents: readonly string[],
  head: DecidedHead,
  parameters: DecisionParameters,
): DecisionRules {
  const { temperature, outOfScope, ambiguityMargin } = parameters;
  if (!(temperature > 0 && temperature < Infinity)) {
    throw refuse(`decision.temperature must be more than 0, not ${temperature}`);
  }
  if (Number.isNaN(outOfScope.threshold)) throw refuse('decision.outOfScope.threshold must be a number');
  const missing = missingFor(outOfScope.score, head);
  if (missing !== undefined) {
    throw refuse(`decision.outOfScope.score is "${outOfScope.score}", and the head has no ${missing}`);
  }
  return {
    temperature,
    outOfScope,
    ambiguityMargin,
    intents,
    background: head.background,
    ...(head.centroids === undefined ? {} : { centroids: head.centroids }),
    indexOf: new Map(intents.map((intent, index) => [intent, index])),
  };
}

/** The scores that a head can give. */
export function scoreKindsOf(head: DecidedHead): ScoreKind[] {
  return scoreKinds.filter((kind) => missingFor(kind, head) === undefined);
}

function missingFor(kind: ScoreKind, head: DecidedHead): string | undefined {
  if (kind === 'background' && head.background === 0) return 'background rows';
  if (kind === 'centroid' && head.centroids === undefined) return 'centroids';
  return undefined;
}

function refuse(problem: string): IntentdError {
  return new IntentdError('bad_rules', `${problem}.`);
}
