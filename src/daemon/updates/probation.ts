import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../base/index.js';
import type { Config } from '../../config/index.js';
import type { GateFigure } from '../../update/index.js';
import type { LoadedModel } from '../engines.js';
import type { Conduct } from './conduct.js';
import { atMost, milliseconds, percent, skipped } from './figures.js';
import type { Sample } from './sample.js';

export interface ProbationParts {
  readonly bounds: Config['update']['gates']['probation'];
  readonly conduct: Conduct;
  readonly clock: Clock;
}

export interface Probationer {
  readonly model: LoadedModel;
  /** How the one before did with its latest requests; `undefined` where that is not known any more. */
  readonly before: Sample | undefined;
  /** Workers of its engine that were replaced before it served. */
  readonly restarts: number;
}

const pollMs = 250;
/** Fewer answers say nothing of the slowest in a hundred. */
const enoughForP99 = 200;
/** A difference that nobody feels is no reason to take a bundle back, in ms at the 99th percentile. */
const unfeltMs = 1;

/**
 * Watches a model serve until its time is up, or it must be taken back.
 *
 * @param onCrash called at once where its engine crashed more often than is put up with, while requests wait for it
 * @throws the signal's reason
 */
export async function watch(
  probationer: Probationer,
  parts: ProbationParts,
  onCrash: () => void,
  signal: AbortSignal,
): Promise<readonly GateFigure[]> {
  const { bounds, clock } = parts;
  const { model, restarts } = probationer;
  const crashed = new AbortController();
  const noteCrashes = (): void => {
    if (crashed.signal.aborted || model.slot.restarts - restarts <= bounds.crashes) return;
    onCrash();
    crashed.abort();
  };
  const stop = model.slot.onLost(noteCrashes);
  const wake = AbortSignal.any([signal, crashed.signal]);
  try {
    noteCrashes();
    const until = clock.now() + bounds.seconds * 1000;
    for (;;) {
      const figures = judged(probationer, parts);
      const isOver = clock.now() >= until || wake.aborted || figures.some(({ passed }) => !passed);
      signal.throwIfAborted();
      if (isOver) return figures;
      const pauseMs = Math.max(1, Math.min(pollMs, until - clock.now()));
      // Either signal is looked at above.
      await sleep(pauseMs, undefined, { signal: wake }).catch(() => undefined);
    }
  } finally {
    stop();
  }
}

function judged({ model, before, restarts }: Probationer, { bounds, conduct }: ProbationParts): GateFigure[] {
  const now = conduct.of(model.served);
  const crashes = model.slot.restarts - restarts;
  const figures = [
    atMost('crashes', crashes, bounds.crashes, `Its engine crashed ${crashes} times since it serves.`),
  ];
  if (now.asked < bounds.minRequests) {
    const reason = `${now.asked} requests came since it serves, and at least ${bounds.minRequests} would tell`;
    return [
      ...figures,
      ...(['errors', 'latency', 'outOfScope'] as const).map((gate) => skipped(gate, reason)),
    ];
  }
  figures.push(errors(now, before, bounds.errors));
  if (before === undefined || before.answers < bounds.minRequests || now.answers < bounds.minRequests) {
    const reason = 'too few answers of before or since are known';
    return [...figures, skipped('latency', reason), skipped('outOfScope', reason)];
  }
  return [...figures, latency(now, before, bounds.p99Ratio), outOfScope(now, before, bounds.outOfScope)];
}

function errors(now: Sample, before: Sample | undefined, bound: number): GateFigure {
  const was = before?.errorShare ?? 0;
  const detail = `${percent(now.errorShare)} of ${now.asked} requests failed, and ${percent(was)} before; ${percent(bound)} more are put up with.`;
  return atMost('errors', Math.max(0, now.errorShare - was), bound, detail);
}

function latency(now: Sample, before: Sample, bound: number): GateFigure {
  if (Math.min(now.answers, before.answers) < enoughForP99) {
    return skipped('latency', `p99 needs ${enoughForP99} answers of before and since`);
  }
  const [mine, theirs] = [now.percentileMs(99)!, before.percentileMs(99)!];
  const detail = `An utterance keeps the engine for ${milliseconds(mine)} at p99, and for ${milliseconds(theirs)} before; at most ${bound} times as long is allowed.`;
  const figure = atMost('latency', theirs === 0 ? null : mine / theirs, bound, detail);
  return mine - theirs <= unfeltMs ? { ...figure, passed: true } : figure;
}

function outOfScope(now: Sample, before: Sample, bound: number): GateFigure {
  const [mine, theirs] = [now.outOfScopeShare, before.outOfScopeShare];
  const detail = `${percent(mine)} of the answers are out of scope, and ${percent(theirs)} before; a difference of ${percent(bound)} is put up with.`;
  return atMost('outOfScope', Math.abs(mine - theirs), bound, detail);
}
