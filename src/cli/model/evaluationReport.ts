import { auroc, type Figures, measure } from '../../decision/index.js';
import type { EngineInfo } from '../../engine/index.js';
import { percent } from '../format.js';
import type { Io } from '../io.js';
import { styleFor } from '../style.js';
import { listing, table } from '../table.js';
import type { Judgement } from './judge.js';
import type { Model } from './openModel.js';

/** What `intentd model evaluate --json` prints: fractions between 0 and 1, times in milliseconds. */
export interface EvaluationReport extends Figures {
  readonly bundle: { readonly id: string; readonly version: string; readonly digest: string };
  readonly split: string;
  readonly engine: EngineInfo;
  readonly outOfScopeScore: { readonly kind: string; readonly threshold: number };
  /** The area that every kind of score would have; `null` where nothing is out of scope. */
  readonly oosAurocByScore: Readonly<Record<string, number>> | null;
  /** From text to decision, one utterance at a time. */
  readonly totalMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly truncated: number;
}

/** Puts the figures of a judgement together. */
export function evaluationReport(
  { bundle, rules }: Model,
  split: string,
  engine: EngineInfo,
  judgement: Judgement,
): EvaluationReport {
  const { kind, threshold } = { kind: rules.outOfScope.score, threshold: rules.outOfScope.threshold };
  const figures = measure(judgement.judged, threshold);
  const { id, version } = bundle.manifest;
  return {
    ...figures,
    bundle: { id, version, digest: bundle.digest },
    split,
    engine,
    outOfScopeScore: { kind, threshold },
    oosAurocByScore: figures.outOfScope === 0 ? null : areas(judgement),
    totalMs: percentiles(judgement.totalMs),
    truncated: judgement.truncated,
  };
}

function areas({ judged, scores }: Judgement): Record<string, number> {
  const of = (all: readonly number[], isInScope: boolean): number[] =>
    all.filter((_, at) => (judged[at]!.expected !== null) === isInScope);
  return Object.fromEntries([...scores].map(([kind, all]) => [kind, auroc(of(all, true), of(all, false))]));
}

function percentiles(times: readonly number[]): EvaluationReport['totalMs'] {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Lines that say the same to people. */
export function describeEvaluation(report: EvaluationReport, io: Io): string[] {
  const { bold } = styleFor(io);
  const { atThreshold, engine, totalMs, outOfScopeScore: score } = report;
  const cut = report.truncated === 0 ? '' : `, ${report.truncated} cut to the model's positions`;
  return [
    bold(`${report.bundle.id} ${report.bundle.version} on ${report.split}`),
    ...listing(io, [
      ['utterances', `${report.inScope} in scope, ${report.outOfScope} out of scope${cut}`],
      ['engine', `${engine.kind} ${engine.version}, ${engine.precision} (${engine.form})`],
      [
        'time',
        `${totalMs.p50.toFixed(2)} ms an utterance, p95 ${totalMs.p95.toFixed(2)}, p99 ${totalMs.p99.toFixed(2)}`,
      ],
    ]),
    '',
    ...listing(io, [
      ['in-scope accuracy', percent(report.inScopeAccuracy)],
      ['out-of-scope ROC area', area(report)],
      ['out-of-scope recall, 5 % rejected', shareOrNone(report.oosRecallAt5)],
      ['calibration error', report.ece.toFixed(4)],
    ]),
    '',
    bold(`at the bundle's threshold, ${score.kind} under ${Number(score.threshold.toPrecision(5))}`),
    ...listing(io, [
      ['in-scope accuracy', percent(atThreshold.inScopeAccuracy)],
      ['out-of-scope recall', shareOrNone(atThreshold.oosRecall)],
      ['false rejection', percent(atThreshold.falseRejection)],
    ]),
    ...byScore(report, io),
    ...confused(report, io),
  ];
}

function area({ oosAuroc, oosAurocInterval: interval }: Figures): string {
  if (oosAuroc === null || interval === null) return nothing;
  return `${oosAuroc.toFixed(4)} (95 % interval ${interval.low.toFixed(4)} to ${interval.high.toFixed(4)})`;
}

const nothing = 'no utterance is out of scope';

function shareOrNone(share: number | null): string {
  return share === null ? nothing : percent(share);
}

function byScore({ oosAurocByScore }: EvaluationReport, io: Io): string[] {
  if (oosAurocByScore === null) return [];
  const rows = Object.entries(oosAurocByScore).map(([kind, one]) => [kind, one.toFixed(4)]);
  return ['', ...table(io, [{ title: 'out-of-scope score' }, { title: 'ROC area', align: 'right' }], rows)];
}

function confused({ confused: pairs }: EvaluationReport, io: Io): string[] {
  if (pairs.length === 0) return [];
  const rows = pairs.map(({ expected, answered, count }) => [expected, answered, String(count)]);
  return [
    '',
    ...table(io, [{ title: 'expected' }, { title: 'answered' }, { title: 'times', align: 'right' }], rows),
  ];
}
