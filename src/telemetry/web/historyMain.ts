import { setPriority } from 'node:os';
import { messageOf } from '../../base/index.js';
import { RequestLogReader } from '../reader.js';
import type { History, HistoryAnswer, HistoryQuestion } from './historyQuestion.js';

const lowPriority = 10;
const shownIntents = 10;

/** Reads the request log in a process of its own: an hour of many rows takes longer than an answer may wait. */
function main(argument: string | undefined): HistoryAnswer {
  try {
    const question = JSON.parse(argument ?? '') as HistoryQuestion;
    setPriority(lowPriority);
    const reader = new RequestLogReader(question.path);
    if (question.kind === 'series') return { history: historyOf(reader, question) };
    return { intents: reader.intentsByMinute(question.since, question.until) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

function historyOf(reader: RequestLogReader, range: Extract<HistoryQuestion, { kind: 'series' }>): History {
  const { since, until, stepMs } = range;
  const railsMw = Object.entries(reader.powerSeries(range));
  return {
    since,
    until,
    stepMs,
    requests: reader.requestSeries(range),
    railsW: Object.fromEntries(
      railsMw.map(([rail, mw]) => [rail, mw.map((one) => (one === null ? null : one / 1000))]),
    ),
    intents: reader
      .stats({ since, until }, 'intent')
      .flatMap(({ group, count }) => (group === null ? [] : [{ intent: group, count }]))
      .slice(0, shownIntents),
  };
}

process.stdout.write(JSON.stringify(main(process.argv[2])));
