import { z } from 'zod';
import { updateGates } from './updateGates.js';
import { updateSource } from './updateSource.js';
import { web } from './web.js';
import { updateSchedule } from './updateSchedule.js';

const identifier = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of the characters A-Z a-z 0-9 _ -');
const path = z.string().min(1, 'expected a path');
const topicLevel = z
  .string()
  .regex(/^[^+#\0/$][^+#\0]*$/, 'expected a topic without +, # and NUL, not starting with / or $');
const pattern = z.string().min(1).max(256, 'expected a topic pattern of at most 256 characters');

function isBrokerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return ['mqtt:', 'mqtts:'].includes(url.protocol) && url.username === '' && url.password === '';
}

/** A password by reference: its text never stands in the file, a flag or the environment. */
const secret = {
  passwordFile: path.optional().describe('file that holds the password'),
  passwordCredential: identifier
    .optional()
    .describe('name of the systemd credential that holds the password'),
};

const broker = z.strictObject({
  url: z
    .string()
    .refine(
      isBrokerUrl,
      'expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT], without user name and password (username and passwordFile are for those)',
    )
    .optional()
    .describe('the broker; without it an embedded one listens on loopback'),
  embeddedPort: z
    .int()
    .min(0)
    .max(65535)
    .default(1883)
    .describe('port of the embedded broker; 0 takes any free one'),
  protocol: z.enum(['auto', '5', '3.1.1']).default('auto').describe('MQTT version; auto tries 5, then 3.1.1'),
  prefix: topicLevel.default('intentd').describe('first part of every own topic'),
  keepaliveSeconds: z
    .int()
    .min(5)
    .max(3600)
    .default(30)
    .describe('a half-open connection is noticed within 1.5 times this'),
  username: z.string().min(1).max(256).optional().describe('user name at the broker'),
  ...secret,
  tls: z
    .strictObject({
      caFile: path.optional().describe('PEM file of the authorities to trust instead of the system’s'),
      certFile: path.optional().describe('PEM file of the client certificate'),
      keyFile: path.optional().describe('PEM file of the client certificate’s key'),
    })
    .prefault({}),
  responseTopics: z
    .array(pattern)
    .default(['intentd/+/response/#', '+/+/response'])
    .describe('patterns of the Response Topics (MQTT 5) that may be answered to'),
  pools: z
    .array(identifier)
    .max(16, 'expected at most 16 pools')
    .default([])
    .describe('groups whose requests this agent shares'),
  hermes: z
    .strictObject({
      enabled: z.boolean().default(true).describe('answer Hermes queries too'),
      siteIds: z.array(z.string().min(1).max(256)).default([]).describe('answer these sites only; none: all'),
    })
    .prefault({}),
});

const requests = z.strictObject({
  deadlineMs: z
    .number()
    .min(1)
    .max(60_000)
    .default(100)
    .describe('time to answer a request that names no deadline'),
  maxDeadlineMs: z
    .number()
    .min(1)
    .max(600_000)
    .default(10_000)
    .describe('longest deadline that a request may name'),
  queue: z.int().min(1).max(100_000).default(512).describe('requests that may wait'),
  maxBatch: z.int().min(1).max(256).default(16).describe('most utterances in one inference'),
  duplicateSeconds: z
    .number()
    .min(0)
    .max(3600)
    .default(60)
    .describe('how long a repeated delivery is recognised'),
});

const model = z.strictObject({
  bundles: z
    .array(path)
    .min(1, 'expected at least one bundle folder')
    .default(['builtin'])
    .describe('bundle folders to load; builtin is the one shipped with intentd'),
  default: z
    .string()
    .min(1)
    .optional()
    .describe('id of the bundle that answers requests without model; the first if absent'),
  goldenFloor: z
    .number()
    .min(0)
    .max(1)
    .default(0.9)
    .describe('share of its golden utterances that a bundle must answer rightly, where it names none itself'),
});

const control = z.strictObject({
  socket: path
    .optional()
    .describe('Unix socket for commands; /run/intentd/control.sock or control.sock in stateDir if absent'),
});

const engine = z.strictObject({
  kind: z
    .enum(['auto', 'tensorrt', 'onnxruntime', 'none'])
    .default('auto')
    .describe(
      'what runs the encoder; auto takes TensorRT where it and a GPU are found, and ONNX Runtime else; none answers without inference, to measure everything else',
    ),
  attention: z
    .enum(['plugin', 'standard'])
    .default('plugin')
    .describe('attention of TensorRT engines: by the plugin of intentd, or by TensorRT itself'),
  candidates: z
    .enum(['int8', 'all'])
    .default('int8')
    .describe('TensorRT engines to choose from: int8 builds sparse and dense, all builds FP16 as well'),
  builderLevel: z
    .int()
    .min(0)
    .max(5)
    .default(3)
    .describe('how long TensorRT looks for the fastest engine, 0 to 5'),
  workspaceMib: z
    .int()
    .min(16)
    .max(65_536)
    .default(1024)
    .describe('most memory of the GPU that building may try layers with, in MiB; less where less is free'),
  measureMs: z
    .number()
    .min(1)
    .max(60_000)
    .default(1000)
    .describe('how long each candidate is measured in each shape'),
  weights: z
    .strictObject({
      latency: z
        .number()
        .min(0)
        .max(1000)
        .default(1)
        .describe('what latency counts in the choice of an engine'),
      energy: z.number().min(0).max(1000).default(0).describe('what energy counts, where it can be read'),
      memory: z.number().min(0).max(1000).default(0).describe('what the size of the plan counts'),
      buckets: z
        .array(z.string().regex(/^\d+x\d+=\d+(\.\d+)?$/, 'expected BATCHxSEQUENCE=WEIGHT such as 1x16=4'))
        .default([])
        .describe('shapes that count, as BATCHxSEQUENCE=WEIGHT; all the same if none is named'),
    })
    .prefault({}),
  threads: z.int().min(1).max(64).default(2).describe('threads of one inference on the CPU'),
  hangMs: z
    .number()
    .min(100)
    .max(60_000)
    .default(2000)
    .describe('an inference that takes longer counts as hung'),
  heartbeatMs: z
    .number()
    .min(50)
    .max(60_000)
    .default(1000)
    .describe('time between two signs of life asked of the worker'),
  startMs: z
    .number()
    .min(1000)
    .max(600_000)
    .default(60_000)
    .describe('longest time a worker may take to load an encoder'),
});

const homeAssistant = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('announce this device to Home Assistant over MQTT; switched off again, it is taken back'),
  prefix: topicLevel.default('homeassistant').describe('discovery prefix of Home Assistant’s MQTT options'),
  statusTopic: topicLevel
    .default('homeassistant/status')
    .describe('topic of Home Assistant’s birth message: after its online the device is announced again'),
});

const log = z.strictObject({
  level: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('least level written'),
  text: z
    .enum(['none', 'hash', 'full'])
    .default('none')
    .describe('what the request log keeps of an utterance'),
});

const telemetry = z.strictObject({
  enabled: z.boolean().default(true).describe('keep a row for each request'),
  commitSeconds: z.number().min(0.1).max(600).default(5).describe('least time between two commits'),
  maxPending: z.int().min(1).max(1_000_000).default(50_000).describe('rows that may wait for a commit'),
  maxDays: z.number().min(0.01).max(3650).default(30).describe('age at which rows are deleted'),
  maxMegabytes: z
    .number()
    .min(1)
    .max(100_000)
    .default(256)
    .describe('size at which the oldest rows are deleted'),
  maxWalMegabytes: z
    .number()
    .min(1)
    .max(10_000)
    .default(64)
    .describe('size of the write-ahead log at which writing waits for a reader to end'),
  meter: z
    .enum(['auto', 'ina3221', 'nvml', 'rapl', 'none'])
    .default('auto')
    .describe(
      'what measures energy: a Jetson’s rails, the GPU’s counter, processor packages; auto takes what is there',
    ),
  sampleMs: z
    .number()
    .min(1)
    .max(10_000)
    .default(10)
    .describe('wished time between two samples of the meter; more where a reading costs more'),
  sysfs: path.default('/sys').describe('where the kernel shows its sensors'),
});

const update = z.strictObject({
  ...updateSource,
  ...updateSchedule,
  gates: updateGates.prefault({}),
});

/**
 * Everything that can be configured, with its default and its bounds. A key's environment variable is
 * `INTENTD_` and the path in capitals: `requests.deadlineMs` is `INTENTD_REQUESTS_DEADLINE_MS`.
 */
export const configSchema = z.strictObject({
  device: identifier.describe('id of this device in topics, and its client id'),
  stateDir: path.describe('folder for everything that is kept'),
  broker: broker.prefault({}),
  requests: requests.prefault({}),
  model: model.prefault({}),
  engine: engine.prefault({}),
  control: control.prefault({}),
  homeAssistant: homeAssistant.prefault({}),
  log: log.prefault({}),
  telemetry: telemetry.prefault({}),
  update: update.prefault({}),
  web: web.prefault({}),
});

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The whole configuration, frozen. */
export type Config = DeepReadonly<z.output<typeof configSchema>>;

/** One setting: its dotted path, what it is for, and whether it takes a list. */
export interface Setting {
  readonly path: string;
  readonly description: string;
  readonly list: boolean;
}

/** Every setting of the schema, in order. */
export const settings: readonly Setting[] = leaves(configSchema, '');

/** The keys that are allowed in the group at `path` (`''` is the whole file). */
export function allowedKeys(path: string): string[] {
  const prefix = path === '' ? '' : `${path}.`;
  const below = settings.filter((setting) => setting.path.startsWith(prefix));
  return [...new Set(below.map((setting) => setting.path.slice(prefix.length).split('.')[0]!))];
}

function leaves(group: z.ZodObject, prefix: string): Setting[] {
  return Object.entries(group.shape as Record<string, z.ZodType>).flatMap(([key, field]) => {
    const inner = unwrap(field);
    const at = `${prefix}${key}`;
    if (inner instanceof z.ZodObject) return leaves(inner, `${at}.`);
    return [{ path: at, description: field.description ?? '', list: inner instanceof z.ZodArray }];
  });
}

function unwrap(type: z.ZodType): z.ZodType {
  const wrapped =
    type instanceof z.ZodDefault || type instanceof z.ZodPrefault || type instanceof z.ZodOptional;
  return wrapped ? unwrap(type.unwrap() as z.ZodType) : type;
}
