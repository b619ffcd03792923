import { join } from 'node:path';

/** One request, as the log keeps it. Times in whole microseconds. */
export interface RequestRow {
  /** Milliseconds since 1970 of its answer. */
  readonly time: number;
  readonly requestId: string;
  readonly dialect: string;
  readonly model: string | null;
  readonly version: string | null;
  readonly engine: string | null;
  /** `null` where it was out of scope or not answered. */
  readonly intent: string | null;
  readonly confidence: number | null;
  readonly outOfScope: boolean;
  readonly tokens: number;
  /** Padded length of its batch, in tokens; `null` where it was in none. */
  readonly bucket: number | null;
  readonly batchSize: number;
  readonly queueUs: number;
  readonly tokenizeUs: number;
  readonly inferUs: number;
  /** Time on the GPU; `null` where the engine does not tell. */
  readonly gpuUs: number | null;
  readonly totalUs: number;
  /** Its share of its batch's energy, idle power included; `null` where nothing measured it. */
  readonly energyMj: number | null;
  /** The same above the idle floor; may be negative. `null` until the floor is known. */
  readonly aboveIdleMj: number | null;
  /** `sampled`, or `interpolated` where its batch fell between two samples. */
  readonly energyHow: string | null;
  /** The kind of the meter: its row in the table `meter` says what the figure covers. */
  readonly meter: string | null;
  /** Time between two samples of the meter, in milliseconds. */
  readonly sampleMs: number | null;
  readonly error: string | null;
  /** The utterance, its hash, or nothing, as the configuration asks. */
  readonly text: string | null;
}

/** The energy of a row that nothing measured. */
export const unmeasured = {
  energyMj: null,
  aboveIdleMj: null,
  energyHow: null,
  meter: null,
  sampleMs: null,
} as const;

/** The columns of the table `request`, in the order in which they are written. */
export const columnNames = [
  'time',
  'requestId',
  'dialect',
  'model',
  'version',
  'engine',
  'intent',
  'confidence',
  'outOfScope',
  'tokens',
  'bucket',
  'batchSize',
  'queueUs',
  'tokenizeUs',
  'inferUs',
  'gpuUs',
  'totalUs',
  'energyMj',
  'aboveIdleMj',
  'energyHow',
  'meter',
  'sampleMs',
  'error',
  'text',
] as const satisfies readonly (keyof RequestRow)[];

/** What is written into each of `columnNames`. */
export function valuesOf(row: RequestRow): unknown[] {
  return [
    row.time,
    row.requestId,
    row.dialect,
    row.model,
    row.version,
    row.engine,
    row.intent,
    row.confidence,
    row.outOfScope ? 1 : 0,
    row.tokens,
    row.bucket,
    row.batchSize,
    row.queueUs,
    row.tokenizeUs,
    row.inferUs,
    row.gpuUs,
    row.totalUs,
    row.energyMj,
    row.aboveIdleMj,
    row.energyHow,
    row.meter,
    row.sampleMs,
    row.error,
    row.text,
  ];
}

/** Where the request log lies in a state directory. */
export function requestLogPath(stateDir: string): string {
  return join(stateDir, 'intentd.db');
}
