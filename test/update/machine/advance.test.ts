import { describe, expect, it } from 'vitest';
import { parseState } from '../../../src/update/journal/schema.js';
import {
  actsOf,
  advance,
  currentPhase,
  defaultRules,
  initialState,
  transitions,
  type Ended,
  type Installed,
  type MachineEvent,
  type MachineState,
  type Offer,
  type Step,
  type Wish,
} from '../../../src/update/index.js';
import { seeded } from '../../support/random.js';

function offer(version: string, more: Partial<Offer> = {}): Offer {
  const manifest = version.replaceAll('.', '').padEnd(64, 'a');
  return {
    family: 'tiny',
    channel: 'stable',
    release: { version, manifest, minAgent: '0.1.0', share: 100 },
    refusal: undefined,
    ...more,
  };
}

const install: Wish = {
  kind: 'install',
  by: 'command',
  family: 'tiny',
  version: null,
  from: null,
  downgrade: false,
  force: false,
};
const oldServes: Installed = { tiny: { digest: offer('1.0.0').release.manifest, version: '1.0.0' } };
const newServes: Installed = { tiny: { digest: offer('2.0.0').release.manifest, version: '2.0.0' } };
const checked: MachineEvent = { kind: 'checked', offers: [offer('2.0.0')], installed: oldServes };
const failed: MachineEvent = { kind: 'failed', code: 'broken', message: 'It broke.' };
const done: MachineEvent = { kind: 'done' };

/** Gives events one after the other, at the times at which they are due, and what was told as ended. */
function walk(events: readonly MachineEvent[], from = initialState): { state: MachineState; ended: Ended[] } {
  let state = from;
  const ended: Ended[] = [];
  for (const event of events) {
    const next = advance(state, event, state.job?.waitUntilMs ?? 1000);
    state = next.state;
    ended.push(...next.ended);
  }
  return { state, ended };
}

function stepsTo(step: Step): MachineEvent[] {
  const way: [Step, MachineEvent][] = [
    ['check', checked],
    ['fetch', done],
    ['adopt', { kind: 'adopted', headOnly: false }],
    ['build', done],
    ['stage', { kind: 'measured', figures: [] }],
    ['shadow', { kind: 'measured', figures: [] }],
    ['activate', done],
    ['watch', { kind: 'measured', figures: [] }],
    ['settle', done],
    ['collect', done],
  ];
  const at = way.findIndex(([one]) => one === step);
  return [{ kind: 'wished', wish: install }, ...way.slice(0, at).map(([, event]) => event)];
}

/** Fails the present step until it is given up. */
function fail(state: MachineState): { state: MachineState; ended: Ended[] } {
  const { step } = state.job!;
  const ended: Ended[] = [];
  while (state.job?.step === step) {
    const next = advance(state, failed, state.job.waitUntilMs ?? 1000);
    state = next.state;
    ended.push(...next.ended);
  }
  return { state, ended };
}

describe('the update state machine', () => {
  it('goes from idle over every phase to committed, and to idle again', () => {
    const phases: string[] = [];
    let state = initialState;
    for (const event of [...stepsTo('collect'), done]) {
      state = advance(state, event, 1000).state;
      const phase = currentPhase(state);
      if (phases.at(-1) !== phase) phases.push(phase);
    }
    expect(phases).toEqual([
      'checking',
      'downloading',
      'verified',
      'building',
      'staged',
      'shadow',
      'probation',
      'committed',
      'idle',
    ]);
  });

  it('leads back from every phase, and touches what serves only where it was changed', () => {
    const back = (step: Step): string[] => {
      let { state, ended } = fail(walk(stepsTo(step)).state);
      const way: string[] = [currentPhase(state)];
      while (state.job !== null) {
        way.push(state.job.step);
        const next = advance(state, done, 1000);
        ({ state } = next);
        ended = [...ended, ...next.ended];
      }
      return [...way, ended[0]!.outcome];
    };
    expect(back('check')).toEqual(['idle', 'failed']);
    expect(back('fetch')).toEqual(['aborting', 'sweep', 'failed']);
    expect(back('adopt')).toEqual(['aborting', 'sweep', 'failed']);
    expect(back('build')).toEqual(['aborting', 'discard', 'sweep', 'failed']);
    expect(back('stage')).toEqual(['rollback', 'discard', 'sweep', 'rolledBack']);
    expect(back('shadow')).toEqual(['rollback', 'discard', 'sweep', 'rolledBack']);
    expect(back('activate')).toEqual(['rollback', 'revert', 'discard', 'sweep', 'rolledBack']);
    expect(back('watch')).toEqual(['rollback', 'revert', 'discard', 'sweep', 'rolledBack']);
    // It serves, and proved itself: what fails after that only tidies up.
    expect(back('settle')).toEqual(['committed', 'collect', 'committed']);
    expect(back('collect')).toEqual(['idle', 'committed']);
  });

  it('takes a head on an encoder that serves without building or shadowing', () => {
    const { state } = walk([...stepsTo('adopt'), { kind: 'adopted', headOnly: true }]);
    expect(state.job?.step).toBe('stage');
    expect(walk([{ kind: 'measured', figures: [] }], state).state.job?.step).toBe('activate');
  });

  it('tries a lost connection again, ever later and up to a bound, and anything else not', () => {
    const unreachable: MachineEvent = { kind: 'failed', code: 'unreachable', message: 'No route.' };
    let { state } = walk(stepsTo('fetch'));
    const pauses: number[] = [];
    while (state.job?.step === 'fetch') {
      state = advance(state, unreachable, 5000).state;
      if (state.job?.waitUntilMs) pauses.push(state.job.waitUntilMs - 5000);
    }
    expect(pauses).toEqual([15_000, 30_000, 60_000, 120_000]);
    expect(walk([...stepsTo('fetch'), failed]).state.job?.step).toBe('sweep');
  });

  it('quarantines what failed to build three times, and forgets the pause where it did', () => {
    const { state } = fail(walk(stepsTo('build')).state);
    expect(state.marks).toMatchObject([{ version: '2.0.0', failedBuilds: 3, quarantined: true }]);
    const again = walk([done, done, ...stepsTo('fetch')], state);
    expect(again.ended.at(-1)).toMatchObject({ outcome: 'failed', failure: { code: 'quarantined' } });
    const forced = walk([{ kind: 'wished', wish: { ...install, force: true } }, checked], again.state);
    expect(forced.state.job?.step).toBe('fetch');
    const other = { ...checked, offers: [offer('2.0.1')] };
    expect(walk([{ kind: 'wished', wish: install }, other], again.state).state.job?.step).toBe('fetch');
  });

  it('quarantines after two failed trials, and at once where another trial would measure the same', () => {
    const measured = (gate: 'latency' | 'accuracy'): MachineEvent => ({
      kind: 'measured',
      figures: [{ gate, measured: 1, bound: 2, passed: false, detail: 'too bad' }],
    });
    const once = walk([...stepsTo('stage'), measured('latency'), done, done]).state;
    expect(once.marks).toMatchObject([{ failedTrials: 1, quarantined: false }]);
    const twice = walk([...stepsTo('stage'), measured('latency'), done, done], once).state;
    expect(twice.marks).toMatchObject([{ failedTrials: 2, quarantined: true }]);
    const accuracy = walk([...stepsTo('stage'), measured('accuracy')]).state;
    expect(accuracy.marks).toMatchObject([{ failedTrials: 1, quarantined: true }]);
  });

  it('holds nothing against a bundle where the disk or the memory is what lacks', () => {
    for (const code of ['disk_full', 'no_disk', 'no_memory']) {
      const { state } = walk([...stepsTo('build'), { kind: 'failed', code, message: 'Too little.' }]);
      expect([state.job?.step, state.marks]).toEqual(['discard', []]);
    }
  });

  it('forgets the failures of a bundle that proved itself', () => {
    const once = walk([...stepsTo('shadow'), failed, done, done]).state;
    expect(once.marks).toHaveLength(1);
    expect(walk([...stepsTo('settle')], once).state.marks).toEqual([]);
  });

  it('takes an older version only where that is asked for on the device', () => {
    const older = { kind: 'checked', offers: [offer('0.9.0')], installed: oldServes } as const;
    const named = { ...install, version: '0.9.0' };
    const refused = walk([{ kind: 'wished', wish: named }, older]);
    expect(refused.ended).toMatchObject([{ outcome: 'failed', failure: { code: 'downgrade' } }]);
    expect(walk([{ kind: 'wished', wish: install }, older]).ended).toMatchObject([{ outcome: 'current' }]);
    const asked = walk([{ kind: 'wished', wish: { ...named, downgrade: true } }, older]);
    expect(asked.state.job?.step).toBe('fetch');
  });

  it('refuses before anything is fetched what is not for this device, with the reason', () => {
    const offers = [
      offer('2.0.0', { refusal: 'tiny 2.0.0 is for jetson-orin, and this device is linux-x64' }),
    ];
    const { ended, state } = walk([
      { kind: 'wished', wish: install },
      { ...checked, offers },
    ]);
    expect(ended).toMatchObject([{ outcome: 'failed', failure: { code: 'refused' } }]);
    expect(state.available[0]!.refusal).toMatch(/jetson-orin/);
  });

  it('does one update after the other, each wish once, and refuses more than may wait', () => {
    const wish = (family: string): MachineEvent => ({ kind: 'wished', wish: { ...install, family } });
    const { state } = walk([wish('one'), wish('two'), wish('two'), wish('three')]);
    expect(state.waiting).toMatchObject([{ wish: { family: 'two' } }, { wish: { family: 'three' } }]);
    const after = walk([failed], state);
    expect(after.state.job?.wish).toMatchObject({ family: 'two' });
    const many = Array.from({ length: defaultRules.maxWaiting + 1 }, (_, i) => wish(`f${i}`));
    expect(() => walk([...many, wish('last')])).toThrow(/wait already/);
  });

  it('takes at a check what is newer in every family, one after the other', () => {
    const offers = [offer('2.0.0'), { ...offer('3.0.0'), family: 'other' }];
    const wish: Wish = {
      kind: 'check',
      by: 'schedule',
      families: ['tiny', 'other'],
      install: true,
      from: null,
    };
    const { state } = walk([
      { kind: 'wished', wish },
      { ...checked, offers },
    ]);
    expect(state.job).toMatchObject({ step: 'fetch', offer: { family: 'tiny' } });
    expect(state.waiting).toMatchObject([{ wish: { kind: 'install', family: 'other' } }]);
    const looking = walk([
      { kind: 'wished', wish: { ...wish, install: false } },
      { ...checked, offers },
    ]);
    expect(looking.ended).toMatchObject([{ outcome: 'checked' }]);
    expect(looking.state.available.map(({ version }) => version)).toEqual(['2.0.0', '3.0.0']);
  });

  it('does not take again by itself what was rolled back by hand', () => {
    const { digest, version } = newServes['tiny']!;
    const wish: Wish = { kind: 'rollback', by: 'command', family: 'tiny', digest, version };
    const { state, ended } = walk([{ kind: 'wished', wish }, done, done, done]);
    expect(ended).toMatchObject([{ outcome: 'rolledBack', phase: 'rollback' }]);
    const check: Wish = { kind: 'check', by: 'schedule', families: ['tiny'], install: true, from: null };
    const again = walk([{ kind: 'wished', wish: check }, checked], state);
    expect(again.ended).toMatchObject([{ outcome: 'checked' }]);
  });

  it('resumes where it was: what only memory held is staged anew, what serves is watched', () => {
    const resumed = (step: Step, installed: Installed) =>
      walk([...stepsTo(step), { kind: 'resumed', installed }]).state.job?.step;
    expect(resumed('fetch', oldServes)).toBe('fetch');
    expect(resumed('adopt', oldServes)).toBe('adopt');
    expect(resumed('stage', oldServes)).toBe('build');
    expect(resumed('shadow', oldServes)).toBe('build');
    expect(resumed('activate', oldServes)).toBe('build');
    expect(resumed('activate', newServes)).toBe('watch');
    expect(resumed('watch', newServes)).toBe('watch');
    expect(resumed('watch', oldServes)).toBe('discard');
    expect(resumed('settle', newServes)).toBe('settle');
  });

  it('takes a bundle back in whose probation the agent starts again and again', () => {
    const restart: MachineEvent = { kind: 'resumed', installed: newServes };
    const { state } = walk([...stepsTo('watch'), restart, restart]);
    expect(state.job?.step).toBe('watch');
    expect(walk([restart], state).state.job).toMatchObject({ step: 'revert', cause: { code: 'crashes' } });
  });

  it('from any events: is one that the journal can keep, and comes to rest once nothing fails any more', () => {
    const random = seeded(7);
    const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
    const figures = (passed: boolean) =>
      [{ gate: 'latency', measured: null, bound: 1, passed, detail: 'x' }] as const;
    for (let run = 0; run < 100; run++) {
      let state = initialState;
      for (let i = 0; i < 40; i++) {
        const event = pick<MachineEvent>([
          { kind: 'wished', wish: { ...install, force: random() < 0.5 } },
          { kind: 'resumed', installed: pick([oldServes, newServes, {}]) },
          checked,
          { kind: 'adopted', headOnly: random() < 0.5 },
          { kind: 'measured', figures: figures(random() < 0.7) },
          done,
          failed,
        ]);
        state = advance(state, event, 1000 + i).state;
        expect(parseState(JSON.stringify(state))).toEqual(state);
        expect(actsOf(state).length).toBe(state.job === null ? 0 : 1);
      }
      for (let i = 0; state.job !== null; i++) {
        expect(i).toBeLessThan(40);
        state = advance(state, state.job.step === 'check' ? checked : done, 10_000).state;
      }
    }
  });

  it('knows for every step where its success and its failure lead', () => {
    for (const { next, onFailure } of Object.values(transitions)) {
      for (const to of [next, onFailure]) expect([...Object.keys(transitions), 'end']).toContain(to);
    }
  });
});
