import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/index.js';
import type { ServedModel } from '../../requests/index.js';
import type { GateFigure } from '../../update/index.js';
import { atLeast, atMost, milliseconds, percent, skipped } from './figures.js';
import { Mirror, type MirrorParts } from './mirror.js';
import type { Comparison } from './sample.js';
import type { Staged } from './secondEngine.js';
import type { Traffic } from './traffic.js';
import { measureSideBySide, type SideBySideParts } from './sideBySide.js';
import { textsOf } from './stageGates.js';

export interface ShadowingParts extends SideBySideParts, MirrorParts {
  readonly bounds: Config['update']['gates']['shadow'];
  readonly traffic: Traffic;
}

export interface Shadowed {
  readonly staged: Staged;
  readonly serving: ServedModel;
  /** Whether both have the same kind of engine, so that their times can be compared. */
  readonly isComparable: boolean;
}

const pollMs = 20;

/**
 * Gives a bundle a copy of real traffic until enough came or the time is up, and compares what it says with what
 * went out. Where little came, golden utterances are asked of both.
 *
 * @throws the signal's reason
 */
export async function shadow(
  { staged, serving, isComparable }: Shadowed,
  parts: ShadowingParts,
  signal: AbortSignal,
): Promise<readonly GateFigure[]> {
  const { bounds, clock, traffic } = parts;
  const mirror = new Mirror(serving, staged.model.served, parts);
  const restarts = staged.model.slot.restarts;
  const stop = traffic.copyTo(mirror);
  try {
    const until = clock.now() + bounds.seconds * 1000;
    const isOver = (): boolean =>
      mirror.comparison.trial.asked >= bounds.requests ||
      staged.model.slot.restarts > restarts ||
      clock.now() >= until;
    while (!isOver()) {
      await sleep(Math.max(1, Math.min(pollMs, until - clock.now())));
      signal.throwIfAborted();
    }
  } finally {
    stop();
    mirror.end();
  }
  const crashes = staged.model.slot.restarts - restarts;
  if (crashes > 0) {
    const detail = `Its engine crashed while it was given copies of ${mirror.comparison.trial.asked} requests.`;
    return [atMost('crashes', crashes, 0, detail)];
  }
  const copied = mirror.comparison;
  const isEnough = copied.trial.asked >= bounds.minRequests;
  const pair = { serving, trial: staged.model.served };
  const comparison = isEnough
    ? copied
    : await measureSideBySide(pair, textsOf(staged.bundle.golden, bounds.minRequests), parts, signal);
  return [mirrored(mirror, isEnough), ...compared(comparison, parts.bounds, isComparable)];
}

function mirrored({ comparison, dropped }: Mirror, isEnough: boolean): GateFigure {
  const { asked } = comparison.trial;
  const detail = `It was given copies of ${asked} requests; ${dropped} more were left out because it was busy.`;
  const instead = ' Too few came, and golden utterances were asked of both engines in their place.';
  return {
    gate: 'shadow',
    measured: asked,
    bound: null,
    passed: true,
    detail: detail + (isEnough ? '' : instead),
  };
}

function compared(
  comparison: Comparison,
  bounds: ShadowingParts['bounds'],
  isComparable: boolean,
): GateFigure[] {
  const { serving, trial, agreement } = comparison;
  const apart = Math.abs(trial.outOfScopeShare - serving.outOfScopeShare);
  const [before, now] = [serving.percentileMs(50), trial.percentileMs(50)];
  return [
    atMost(
      'errors',
      trial.errorShare,
      bounds.errors,
      `${percent(trial.errorShare)} of what it was asked failed.`,
    ),
    isComparable
      ? atMost(
          'latency',
          comparison.ratioAt(50),
          bounds.latencyRatio,
          `An utterance takes ${milliseconds(now)} at the median, and ${milliseconds(before)} with what serves.`,
        )
      : skipped('latency', 'memory does not hold both engines at once'),
    atMost(
      'outOfScope',
      apart,
      bounds.outOfScope,
      `${percent(trial.outOfScopeShare)} are out of scope, and ${percent(serving.outOfScopeShare)} with what serves.`,
    ),
    atLeast(
      'agreement',
      agreement,
      bounds.agreement,
      `${percent(agreement ?? 0)} of ${comparison.both} answers are those of what serves.`,
    ),
  ];
}
