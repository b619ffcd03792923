import { z } from 'zod';
import { updateCommands } from './updateMessages.js';

/** Version of the messages; a request of another version is refused. */
export const controlVersion = 1;

/** Longest line, in bytes, that a side takes from the other. */
export const maxRequestBytes = 64 * 1024;
export const maxAnswerBytes = 1024 * 1024;

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'up to 64 of a-z, 0-9, ".", "_", "-", beginning with a-z or 0-9');
const digest = z.string();

/** A bundle under the name by which requests ask for it. */
const bundle = z.object({
  name: z.string(),
  id: z.string(),
  version: z.string(),
  digest,
});

const servedBundle = z.object({
  ...bundle.shape,
  default: z.boolean(),
  encoder: digest,
  /** From the configuration, or loaded into a running agent. */
  source: z.enum(['configured', 'loaded']),
  /** What a rollback would bring back. */
  previous: digest.nullable(),
});

const engine = z.object({
  /** Counts the workers that held this encoder, from 1. */
  generation: z.int(),
  state: z.enum(['serving', 'restarting', 'failing']),
  /** Process id of the worker; `null` while the next one starts. */
  worker: z.int().nullable(),
  kind: z.string(),
  version: z.string(),
  precision: z.string(),
  form: z.string(),
  /** Key of the cached TensorRT engine that serves; `null` for others. */
  key: z.string().nullable().default(null),
  encoder: digest,
  heads: z.array(bundle),
  /** At the worker's last sign of life; `null` before the first. */
  residentMib: z.number().nullable(),
  restarts: z.int(),
  /** Requests that wait or run. */
  inFlight: z.int(),
});

const engineStatus = z.object({
  agent: z.string(),
  state: z.enum(['starting', 'online', 'degraded']),
  engines: z.array(engine),
  /** How far the engine is that is being built; `null` where none is. */
  building: z
    .object({ step: z.string(), percent: z.number(), etaSeconds: z.number().nullable() })
    .nullable()
    .default(null),
});

const build = z.object({
  key: z.string(),
  engine: z.string(),
  reason: z.string(),
  seconds: z.int(),
  planBytes: z.int(),
});

/** Whether the model that serves under the name is another one now. */
const change = z.object({ ...bundle.shape, changed: z.boolean(), previous: digest.nullable() });

/** Every command: what it takes, and what it answers. Answers may gain fields within a version. */
export const controlCommands = {
  'engine.status': { arguments: z.strictObject({}), result: engineStatus },
  /** `name` is the default model if absent. */
  'engine.build': { arguments: z.strictObject({ name: name.optional() }), result: build },
  'model.list': { arguments: z.strictObject({}), result: z.object({ models: z.array(servedBundle) }) },
  'model.load': {
    arguments: z.strictObject({ folder: z.string().min(1).max(4096), name: name.optional() }),
    result: change,
  },
  'model.drop': {
    arguments: z.strictObject({ name }),
    /** `now` serves in its place: the configured bundle of the same name, or nothing. */
    result: z.object({ name: z.string(), dropped: digest, now: digest.nullable() }),
  },
  'model.rollback': { arguments: z.strictObject({ name }), result: change },
  ...updateCommands,
} as const;

type Commands = typeof controlCommands;
export type ControlCommand = keyof Commands;
export type ControlArguments<C extends ControlCommand> = z.output<Commands[C]['arguments']>;
export type ControlResult<C extends ControlCommand> = z.output<Commands[C]['result']>;
export type EngineStatus = ControlResult<'engine.status'>;
export type ServedBundle = z.output<typeof servedBundle>;
export type ModelChange = ControlResult<'model.load'>;

export const progressSchema = z.object({
  /** What is being done, in a few words. */
  step: z.string(),
  done: z.int().optional(),
  of: z.int().optional(),
});

/** How far a command is. */
export type Progress = z.output<typeof progressSchema>;

/** What the agent does at each command; what it throws is the answer's error. */
export type ControlHandlers = {
  readonly [C in ControlCommand]: (
    given: ControlArguments<C>,
    progress: (progress: Progress) => void,
  ) => Promise<ControlResult<C>>;
};

export const requestSchema = z.strictObject({
  v: z.literal(controlVersion),
  command: z.enum(Object.keys(controlCommands) as [ControlCommand, ...ControlCommand[]]),
  arguments: z.record(z.string(), z.json()).default({}),
});

const answerVersion = z.literal(controlVersion);

/** A line from the agent: any number of `progress`, then one `result` or `error`. */
export const answerSchema = z.discriminatedUnion('kind', [
  z.object({ v: answerVersion, kind: z.literal('progress'), progress: progressSchema }),
  z.object({ v: answerVersion, kind: z.literal('result'), result: z.json() }),
  z.object({
    v: answerVersion,
    kind: z.literal('error'),
    error: z.object({ code: z.string(), message: z.string() }),
  }),
]);
export type ControlAnswer = z.output<typeof answerSchema>;
