import type { GoldenUtterance, Manifest } from '../bundle/index.js';
import type { Answers } from './answers.js';
import { answerOf } from './chosenDecision.js';
import type { IntentHead } from './intentHead.js';
import type { Selection } from './selection.js';

const most = 300;

/** A bundle's golden utterances, where their intents come from, and how many the INT8 model gets right. */
export interface ChosenGolden {
  readonly golden: readonly GoldenUtterance[];
  readonly source: 'labels' | 'own answers';
  readonly accuracy: number;
}

/**
 * Chooses the utterances that engines are checked with. Where intents are known those are expected, held
 * out utterances first; where none is, the INT8 model's own answers are: then an engine is checked for
 * computing what was imported, not for being right.
 */
export function chooseGolden(
  answers: Answers,
  selection: Selection,
  intents: IntentHead,
  decision: Manifest['decision'],
): ChosenGolden {
  const { utterances, calibration } = selection;
  const order = [...utterances.keys()].sort(
    (a, b) => Number(a < calibration) - Number(b < calibration) || a - b,
  );
  const own = (index: number): string | null => answerOf(answers, index, intents, decision);
  const labelled = order.filter((index) => utterances[index]!.intent !== undefined).slice(0, most);
  const isLabelled = labelled.length > 0;
  const chosen = isLabelled ? labelled : order.slice(0, most);
  const golden = chosen.map((index) => {
    const { text, intent } = utterances[index]!;
    return { text, intent: intent === undefined ? own(index) : intent };
  });
  const right = chosen.filter((index, row) => own(index) === golden[row]!.intent).length;
  return { golden, source: isLabelled ? 'labels' : 'own answers', accuracy: right / chosen.length };
}
