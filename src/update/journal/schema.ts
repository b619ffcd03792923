import { z } from 'zod';
import { IntentdError, parseJson, parseWith } from '../../base/index.js';
import { releaseSchema } from '../format/index.js';
import { transitions, type Ended, type MachineState, type Step } from '../machine/index.js';

const text = z.string().max(4096);
const digest = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hex digits');
const failure = z.object({ code: text, message: z.string() });
const by = z.enum(['schedule', 'command', 'mqtt']);
const phase = z.enum([
  'idle',
  'checking',
  'downloading',
  'verified',
  'building',
  'staged',
  'shadow',
  'probation',
  'committed',
  'rollback',
  'aborting',
]);
const figure = z.object({
  gate: z.enum(['accuracy', 'latency', 'energy', 'agreement', 'shadow', 'errors', 'outOfScope', 'crashes']),
  measured: z.number().nullable(),
  bound: z.number().nullable(),
  passed: z.boolean(),
  detail: z.string(),
});
const wish = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('check'),
    by,
    families: z.array(text),
    install: z.boolean(),
    from: text.nullable(),
  }),
  z.object({
    kind: z.literal('install'),
    by,
    family: text,
    version: text.nullable(),
    from: text.nullable(),
    downgrade: z.boolean(),
    force: z.boolean(),
  }),
  z.object({ kind: z.literal('rollback'), by, family: text, digest, version: text }),
]);
const offer = z.object({
  family: text,
  channel: text,
  release: releaseSchema,
  /** One with a refusal is never a job. */
  refusal: z
    .undefined()
    .optional()
    .transform(() => undefined),
});
const job = z.object({
  id: z.int(),
  wish,
  step: z.enum(Object.keys(transitions) as [Step, ...Step[]]),
  offer: offer.nullable(),
  replaces: z.object({ digest, version: text }).nullable(),
  headOnly: z.boolean(),
  failures: z.int(),
  restarts: z.int(),
  waitUntilMs: z.number().nullable(),
  cause: z.object({ ...failure.shape, phase }).nullable(),
  figures: z.array(figure),
  startedMs: z.number(),
});
const state = z.object({
  nextId: z.int(),
  job: job.nullable(),
  waiting: z.array(z.object({ id: z.int(), wish })),
  marks: z.array(
    z.object({
      digest,
      family: text,
      version: text,
      failedBuilds: z.int(),
      failedTrials: z.int(),
      quarantined: z.boolean(),
      reason: z.string(),
    }),
  ),
  checkedMs: z.number().nullable(),
  available: z.array(z.object({ family: text, version: text, refusal: z.string().nullable() })),
  lastFailure: failure.nullable(),
});
const ended = z.object({
  id: z.int(),
  outcome: z.enum(['checked', 'current', 'committed', 'rolledBack', 'failed', 'superseded']),
  by,
  kind: z.enum(['check', 'install', 'rollback']),
  family: text.nullable(),
  version: text.nullable(),
  digest: digest.nullable(),
  replaced: text.nullable(),
  startedMs: z.number(),
  endedMs: z.number(),
  phase,
  failure: failure.nullable(),
  figures: z.array(figure),
});

const name = 'update/journal.db';

/** @throws IntentdError `bad_journal` where it is not what this program writes */
export function parseState(json: string): MachineState {
  return parsed(state, json);
}

/** @throws IntentdError `bad_journal` */
export function parseEnded(json: string): Ended {
  return parsed(ended, json);
}

function parsed<T extends z.ZodType>(schema: T, json: string): z.output<T> {
  try {
    return parseWith(schema, parseJson(json, { name }), name, 'bad_journal');
  } catch (cause) {
    if (cause instanceof IntentdError && cause.code === 'bad_journal') throw cause;
    throw new IntentdError('bad_journal', `${name} holds what is no state of an update.`, { cause });
  }
}
