import { IntentdError } from '../../base/index.js';
import { layRows, rowsOf, type ObservedRows } from '../posttraining/index.js';
import type { Tokenizer } from '../tokenizer/index.js';
import { neutralUtterances } from './neutralUtterances.js';
import type { CalibrationUtterance } from './utterances.js';

/** Fewer say too little about what activations look like. */
const fewest = 20;
/** Of each part at most so many utterances and tokens, which bounds time and memory. */
const mostUtterances = 512;
const mostTokens = 6144;
/** One of so many is out of scope, as long as there are such: a threshold needs some of them. */
const outOfScopeEvery = 5;
/** Longer ones are cut for calibration: attention inside them costs time and teaches little. */
const longest = 128;

/** Utterances for an import: the first `calibration` are fitted on, the others are measured on. */
export interface Selection extends ObservedRows {
  readonly source: 'given' | 'built-in';
  readonly utterances: readonly CalibrationUtterance[];
  readonly calibration: number;
}

/**
 * Takes utterances in a fixed random order, without repetitions: three of four to calibrate on, one to
 * measure on.
 *
 * @throws IntentdError `bad_utterances` if there are too few different ones.
 */
export function selectUtterances(
  given: readonly CalibrationUtterance[] | undefined,
  tokenizer: Tokenizer,
): Selection {
  const all: readonly CalibrationUtterance[] = given ?? neutralUtterances.map((text) => ({ text }));
  const different = [...new Map(all.map((one) => [one.text, one])).values()];
  if (different.length < fewest) {
    throw new IntentdError(
      'bad_utterances',
      `At least ${fewest} different utterances are needed to calibrate on and to measure with, not ${different.length}.`,
    );
  }
  const inScope = parted(shuffled(different.filter(({ intent }) => intent !== null)));
  const outside = parted(shuffled(different.filter(({ intent }) => intent === null)));
  const heldOut = upTo(mingled(inScope.measured, outside.measured), tokenizer);
  const fitted = upTo(mingled(inScope.fitted, outside.fitted), tokenizer);
  const rows = layRows([...fitted, ...heldOut].map((one) => one.ids));
  return {
    source: given === undefined ? 'built-in' : 'given',
    utterances: [...fitted, ...heldOut].map((one) => one.utterance),
    calibration: fitted.length,
    rows,
    calibrationRows: rowsOf(rows, fitted.length),
  };
}

interface Parts {
  readonly fitted: readonly CalibrationUtterance[];
  readonly measured: readonly CalibrationUtterance[];
}

function parted(mixed: readonly CalibrationUtterance[]): Parts {
  const measured = Math.floor(mixed.length / 4);
  return { measured: mixed.slice(0, measured), fitted: mixed.slice(measured) };
}

/** All of both, with the second spread over the beginning. */
function mingled(
  inScope: readonly CalibrationUtterance[],
  outside: readonly CalibrationUtterance[],
): CalibrationUtterance[] {
  const rest = [...inScope];
  return [...outside.flatMap((one) => [...rest.splice(0, outOfScopeEvery - 1), one]), ...rest];
}

interface Tokenized {
  readonly utterance: CalibrationUtterance;
  readonly ids: Int32Array;
}

function upTo(utterances: readonly CalibrationUtterance[], tokenizer: Tokenizer): Tokenized[] {
  const taken: Tokenized[] = [];
  let tokens = 0;
  for (const utterance of utterances) {
    const ids = cut(tokenizer.encode(utterance.text).ids);
    if (taken.length === mostUtterances || tokens + ids.length > mostTokens) break;
    taken.push({ utterance, ids });
    tokens += ids.length;
  }
  return taken;
}

/** Keeps the last token, which ends every utterance. */
function cut(ids: Int32Array): Int32Array {
  return ids.length <= longest ? ids : Int32Array.of(...ids.subarray(0, longest - 1), ids.at(-1)!);
}

/** The same order every time: Park and Miller's generator picks, Fisher and Yates swap. */
function shuffled<T>(list: readonly T[]): T[] {
  const result = [...list];
  let state = 20_120;
  for (let i = result.length - 1; i > 0; i--) {
    state = (state * 48_271) % 0x7fffffff;
    const other = state % (i + 1);
    [result[i], result[other]] = [result[other]!, result[i]!];
  }
  return result;
}
