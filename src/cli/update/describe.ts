import { IntentdError } from '../../base/index.js';
import type { ControlResult } from '../../service/index.js';
import type { Io } from '../io.js';
import { styleFor } from '../style.js';
import { listing, table } from '../table.js';
import { dateTime } from '../time.js';

export type Status = ControlResult<'update.status'>;
export type Result = ControlResult<'update.install'>['results'][number];

/** How updates are, for people. */
export function describeStatus(status: Status, io: Io): string[] {
  const { bold } = styleFor(io);
  const { phase, family, version, percent, waiting, source, channel, checkedMs, failure } = status;
  const what = family === null ? '' : ` ${family}${version === null ? '' : ` ${version}`}`;
  const share = percent === null ? '' : `, ${percent} %`;
  const every = status.checkHours === 0 ? 'when asked' : `about every ${status.checkHours} h`;
  const entries: [string, string][] = [
    ['source', source ?? 'none: set update.source, or use --from'],
    ...(source === null ? [] : [['channel', `${channel}, looked at ${every}`] satisfies [string, string]]),
    ['last look', checkedMs === null ? 'never' : dateTime(checkedMs)],
    ...(waiting === 0 ? [] : [['waiting', String(waiting)] satisfies [string, string]]),
    ...retryOf(status),
    ...(failure === null
      ? []
      : [['problem', `${failure.message} [${failure.code}]`] satisfies [string, string]]),
  ];
  const rows = status.models.map((model) => [
    model.family,
    model.installed ?? '–',
    model.available ?? '–',
    model.previous === null ? '–' : model.previous.slice(0, 12),
    model.refusal ?? '',
  ]);
  const titles = ['model', 'installed', 'available', 'previous', 'not taken because'];
  return [
    `${bold(phase)}${what}${share}`,
    ...listing(io, entries),
    '',
    ...table(
      io,
      titles.map((title) => ({ title })),
      rows,
    ),
    ...status.quarantined.flatMap((one) => [
      '',
      `${one.family} ${one.version} is not taken again: ${one.reason}`,
    ]),
  ];
}

/** What became of a wish, in one sentence. */
export function sentenceOf(result: Result): string {
  const { outcome, family, version, replaced, failure, phase } = result;
  const name = `${family ?? 'the model'}${version === null ? '' : ` ${version}`}`;
  const why = failure === null ? '' : `: ${failure.message} [${failure.code}]`;
  switch (outcome) {
    case 'committed':
      return `${name} serves${replaced === null ? '' : `, in place of ${replaced}`}`;
    case 'trial':
      return `${name} serves on trial; intentd update status says how it does`;
    case 'current':
      return `${family ?? name} is up to date`;
    case 'rolledBack':
      return failure === null ? `${name} was taken back` : `${name} was taken back in phase ${phase}${why}`;
    case 'superseded':
      return `${name} gave way to another bundle`;
    case 'checked':
      return 'looked for updates';
    default:
      return `${name} was not installed${why}`;
  }
}

/**
 * Prints what became of wishes.
 *
 * @throws IntentdError the code of the first that failed
 */
export function tellResults(results: readonly Result[], json: boolean, io: Io): void {
  if (json) io.print(JSON.stringify(results, null, 2));
  const bad = results.filter(isBad);
  if (!json) for (const result of results.filter((one) => !isBad(one))) io.print(sentenceOf(result));
  const [first] = bad;
  if (first === undefined) return;
  // What is printed under --json says it already, and the status says that it failed.
  const message = bad.map(sentenceOf).join('; ');
  throw new IntentdError(first.failure?.code ?? first.outcome, message.replace(/ \[\w+\]$/, ''));
}

function isBad({ outcome, failure, kind }: Result): boolean {
  if (kind === 'rollback') return outcome !== 'rolledBack';
  return outcome === 'failed' || (outcome === 'rolledBack' && failure !== null);
}

function retryOf({ retryAtMs }: Status): [string, string][] {
  return retryAtMs === null ? [] : [['next try', dateTime(retryAtMs)]];
}
