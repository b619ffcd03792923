import { z } from 'zod';

const family = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'up to 64 of a-z, 0-9, ".", "_", "-", beginning with a-z or 0-9');
const version = z.string().min(1).max(64);
/** Folder of a repository, absolute and readable by the agent; the configured source if absent. */
const from = z.string().min(1).max(4096);
const failure = z.object({ code: z.string(), message: z.string() });

const figure = z.object({
  gate: z.string(),
  measured: z.number().nullable(),
  bound: z.number().nullable(),
  passed: z.boolean(),
  detail: z.string(),
});

/** What became of one wish. */
const ended = z.object({
  /** `trial`: it serves, and is watched still. */
  outcome: z.enum(['checked', 'current', 'committed', 'rolledBack', 'failed', 'superseded', 'trial']),
  by: z.string(),
  kind: z.string(),
  family: z.string().nullable(),
  version: z.string().nullable(),
  digest: z.string().nullable(),
  /** Version that served before. */
  replaced: z.string().nullable(),
  /** Milliseconds since 1970. */
  startedMs: z.number(),
  endedMs: z.number(),
  /** Where it failed. */
  phase: z.string(),
  failure: failure.nullable(),
  figures: z.array(figure),
});

const model = z.object({
  family: z.string(),
  installed: z.string().nullable(),
  digest: z.string().nullable(),
  /** What `update rollback` would bring back. */
  previous: z.string().nullable(),
  /** The newest release that was found. */
  available: z.string().nullable(),
  /** Why this device does not take it. */
  refusal: z.string().nullable(),
});

const status = z.object({
  phase: z.string(),
  /** What is under way. */
  family: z.string().nullable(),
  version: z.string().nullable(),
  percent: z.number().nullable(),
  retryAtMs: z.number().nullable(),
  waiting: z.int(),
  source: z.string().nullable(),
  channel: z.string(),
  checkHours: z.number(),
  automatic: z.boolean(),
  checkedMs: z.number().nullable(),
  models: z.array(model),
  quarantined: z.array(z.object({ family: z.string(), version: z.string(), reason: z.string() })),
  failure: failure.nullable(),
});

const results = z.object({ results: z.array(ended) });

/** The commands for updates: what each takes, and what it answers. */
export const updateCommands = {
  'update.status': { arguments: z.strictObject({}), result: status },
  'update.check': { arguments: z.strictObject({ from: from.optional() }), result: status },
  'update.install': {
    arguments: z.strictObject({
      /** Every family that is kept up to date if absent. */
      family: family.optional(),
      version: version.optional(),
      from: from.optional(),
      downgrade: z.boolean().default(false),
      force: z.boolean().default(false),
      /** Until its trial is over, and not only until it serves. */
      wait: z.boolean().default(false),
    }),
    result: results,
  },
  /** `family` is that of the default model if absent. */
  'update.rollback': { arguments: z.strictObject({ family: family.optional() }), result: results },
  'update.history': {
    arguments: z.strictObject({ limit: z.int().min(1).max(200).default(20) }),
    result: results,
  },
} as const;
