import { percent } from '../format.js';
import { milliseconds } from '../requestTable.js';
import type { DaemonFigures, LatencyFigures, OverloadFigures, SustainedFigures } from './daemonFigures.js';

/** A line of the table of what is to be reached. */
export interface TargetLine {
  readonly what: string;
  readonly target: string;
  readonly figure: string;
  /** `null` where it was not measured. */
  readonly met: boolean | null;
}

const overheadMs = 0.6;
const p99Ms = 4;
const shareOfBare = 0.75;
const servedP99Ms = 100;
const admittedPerSecond = 12_000;
const idleMib = 90e6 / 2 ** 20;
const workerMib = 160e6 / 2 ** 20;
const startMs = 2000;
const flatGrowth = 0.1;

/** What a daemon on two cores is to reach, beside what was measured. */
export function targetLines(figures: DaemonFigures): TargetLine[] {
  const { admission, bare, latency, overload, sustained } = figures;
  return [
    ...latency.flatMap((one) => latencyLines(one)),
    {
      what: 'bare engine',
      target: '',
      figure:
        bare === undefined
          ? 'not measured'
          : `${rate(bare.perSecond)}, batch ${bare.batchSize}; p50 ${milliseconds(bare.p50Ms)} ms`,
      met: null,
    },
    ...sustained.map((one) => sustainedLine(one, bare?.perSecond)),
    ...overloadLines(overload),
    limitLine('admission, no inference', '≥', admittedPerSecond, admission?.perSecond, rate),
    limitLine('daemon when idle', '≤', idleMib, figures.idleMib, megabytes),
    limitLine('worker', '≤', workerMib, figures.workerMib, megabytes),
    limitLine('start to first answer', '≤', startMs, figures.startMs, (ms) => `${(ms / 1000).toFixed(2)} s`),
  ];
}

function latencyLines({ qos, p50Ms, p99Ms: p99, engineP50Ms }: LatencyFigures): TargetLine[] {
  const known = p50Ms !== null && engineP50Ms !== null;
  const above = known ? p50Ms - engineP50Ms : undefined;
  return [
    {
      what: `QoS ${qos}, p50`,
      target: `engine + ${overheadMs} ms`,
      figure:
        above === undefined
          ? 'not measured'
          : `${milliseconds(p50Ms)} ms: ${milliseconds(engineP50Ms)} + ${milliseconds(above)}`,
      met: above === undefined ? null : above <= overheadMs,
    },
    limitLine(`QoS ${qos}, p99`, '≤', p99Ms, p99 ?? undefined, (ms) => `${milliseconds(ms)} ms`),
  ];
}

function sustainedLine(one: SustainedFigures, bare: number | undefined): TargetLine {
  const share = bare === undefined ? undefined : one.perSecond / bare;
  const told = share === undefined ? '' : `, ${percent(share, 0)}`;
  const lost = one.silent + one.refused === 0 ? '' : `, ${one.refused} refused, ${one.silent} lost`;
  return {
    what: `sustained, QoS ${one.qos}`,
    target: `≥ ${percent(shareOfBare, 0)} of bare`,
    figure: `${rate(one.perSecond)}${told}${lost}`,
    met: share === undefined ? null : share >= shareOfBare,
  };
}

function overloadLines(overload: OverloadFigures): TargetLine[] {
  const { answered, daemon, deadlineMs, refusals, repeated, sent, served, silent } = overload;
  const growth = daemon === undefined ? undefined : daemon.lateMib / daemon.earlyMib - 1;
  const lateRefusal = refusals.maxMs ?? 0;
  return [
    {
      what: `overload, ${rate(overload.offeredPerSecond)}`,
      target: 'none lost',
      figure:
        `${answered} answered, ${sent - answered - silent} refused` +
        (silent === 0 ? '' : `, ${silent} lost`) +
        (repeated === 0 ? '' : `, ${repeated} twice`),
      met: silent === 0 && repeated === 0,
    },
    limitLine('overload, refusals', '≤', deadlineMs, lateRefusal, (ms) => `${milliseconds(ms)} ms`),
    limitLine('overload, p99 served', '≤', servedP99Ms, served.p99Ms ?? undefined, (ms) => {
      return `${milliseconds(ms)} ms`;
    }),
    {
      what: 'overload, daemon memory',
      target: 'flat',
      figure:
        daemon === undefined || growth === undefined
          ? 'not measured'
          : `peak ${megabytes(daemon.peakMib)}, grew by ${percent(growth, 1)}`,
      met: growth === undefined ? null : growth <= flatGrowth,
    },
  ];
}

function limitLine(
  what: string,
  relation: '≤' | '≥',
  limit: number,
  value: number | undefined,
  show: (value: number) => string,
): TargetLine {
  const met = value === undefined ? null : relation === '≤' ? value <= limit : value >= limit;
  return {
    what,
    target: `${relation} ${show(limit)}`,
    figure: value === undefined ? 'not measured' : show(value),
    met,
  };
}

function rate(perSecond: number): string {
  return `${Math.round(perSecond)}/s`;
}

function megabytes(mib: number): string {
  return `${((mib * 2 ** 20) / 1e6).toFixed(0)} MB`;
}
