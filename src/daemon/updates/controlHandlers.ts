import type { ControlHandlers, ControlResult, Progress } from '../../service/index.js';
import type { Config } from '../../config/index.js';
import type { Ended, UpdateHost, UpdateView } from '../../update/index.js';
import type { Models } from '../models.js';
import type { AgentUpdates, Requested } from './agentUpdates.js';

export interface UpdateControlParts {
  readonly updates: AgentUpdates;
  readonly models: Models;
  readonly host: UpdateHost;
  readonly config: Config['update'];
}

type UpdateCommand = Extract<keyof ControlHandlers, `update.${string}`>;
type Result = ControlResult<'update.install'>['results'][number];
type Tell = (progress: Progress) => void;

/** Clients give up after a minute of silence. */
const signOfLifeMs = 5000;

const doing: Readonly<Record<UpdateView['phase'], string>> = {
  idle: 'waiting',
  checking: 'looking for updates',
  downloading: 'fetching',
  verified: 'checking the files',
  building: 'building the engine',
  staged: 'holding it to its gates',
  shadow: 'giving it a copy of the traffic',
  probation: 'serving on trial',
  committed: 'tidying up',
  rollback: 'taking it back',
  aborting: 'giving it up',
};

/** What the agent does at the commands for updates. */
export function updateHandlers(parts: UpdateControlParts): Pick<ControlHandlers, UpdateCommand> {
  const { updates, models } = parts;
  return {
    'update.status': () => Promise.resolve(statusOf(parts)),
    'update.check': async ({ from }, tell) => {
      await follow(updates, updates.check('command', { from: from ?? null }), tell, true);
      return statusOf(parts);
    },
    'update.install': async ({ family, version, from, downgrade, force, wait }, tell) => {
      const results: Result[] = [];
      for (const one of family === undefined ? updates.families : [family]) {
        const options = { version: version ?? null, from: from ?? null, downgrade, force };
        const wish = { kind: 'install', by: 'command', family: one, ...options } as const;
        results.push(await follow(updates, updates.request(wish), tell, wait));
      }
      return { results };
    },
    'update.rollback': async ({ family }, tell) => {
      const requested = updates.rollBack(family ?? models.default ?? '', 'command');
      return { results: [await follow(updates, requested, tell, true)] };
    },
    'update.history': ({ limit }) => Promise.resolve({ results: updates.history(limit).map(resultOf) }),
  };
}

function statusOf({ updates, models, host, config }: UpdateControlParts): ControlResult<'update.status'> {
  const { phase, family, version, percent, retryAtMs, waiting, checkedMs, quarantined, failure, available } =
    updates.view;
  const families = [...new Set([...models.loaded.map(({ name }) => name), ...updates.families])];
  return {
    ...{ phase, family, version, percent, retryAtMs, waiting, checkedMs, failure },
    quarantined: [...quarantined],
    source: config.source ?? null,
    channel: config.channel,
    checkHours: config.checkHours,
    automatic: config.automatic,
    models: families.map((one) => {
      const active = host.active(one);
      const found = available.find((offer) => offer.family === one);
      return {
        family: one,
        installed: active?.version ?? null,
        digest: active?.digest ?? null,
        previous: active?.previous ?? null,
        available: found?.version ?? null,
        refusal: found?.refusal ?? null,
      };
    }),
  };
}

/** Tells how far a wish of a command is; until it serves, or with `wait` until its trial is over. */
async function follow(
  updates: AgentUpdates,
  { id, ended }: Requested,
  tell: Tell,
  wait: boolean,
): Promise<Result> {
  const startedMs = Date.now();
  let onTrial: (result: Result) => void = () => undefined;
  const trial = new Promise<Result>((resolve) => (onTrial = resolve));
  const look = (): void => {
    const { view } = updates;
    if (view.id !== id) {
      tell({ step: 'waiting for another update' });
      return;
    }
    const { percent, phase, version } = view;
    tell({ step: doing[phase], ...(percent === null ? {} : { done: percent, of: 100 }) });
    if (phase === 'probation' && view.serves && !wait) {
      const known = {
        by: 'command',
        kind: 'install',
        family: view.family,
        version,
        digest: view.digest,
      } as const;
      const times = { startedMs, endedMs: Date.now() };
      onTrial({ outcome: 'trial', ...known, replaced: null, ...times, phase, failure: null, figures: [] });
    }
  };
  const stopListening = updates.listen(look);
  const timer = setInterval(look, signOfLifeMs);
  look();
  try {
    return await Promise.race([ended.then(resultOf), trial]);
  } finally {
    stopListening();
    clearInterval(timer);
  }
}

function resultOf({ figures, ...rest }: Ended): Result {
  return { ...rest, figures: [...figures] };
}
