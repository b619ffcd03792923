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
  readonly batchSize: number;
  readonly queueUs: number;
  readonly tokenizeUs: number;
  readonly inferUs: number;
  readonly totalUs: number;
  /** `null` until measured. */
  readonly energyMj: number | null;
  readonly error: string | null;
  /** The utterance, its hash, or nothing, as the configuration asks. */
  readonly text: string | null;
}

const columns = [
  'time INTEGER NOT NULL',
  'requestId TEXT NOT NULL',
  'dialect TEXT NOT NULL',
  'model TEXT',
  'version TEXT',
  'engine TEXT',
  'intent TEXT',
  'confidence REAL',
  'outOfScope INTEGER NOT NULL',
  'tokens INTEGER NOT NULL',
  'batchSize INTEGER NOT NULL',
  'queueUs INTEGER NOT NULL',
  'tokenizeUs INTEGER NOT NULL',
  'inferUs INTEGER NOT NULL',
  'totalUs INTEGER NOT NULL',
  'energyMj REAL',
  'error TEXT',
  'text TEXT',
];

export const columnNames = columns.map((column) => column.split(' ')[0]!);

export const createTable = `
  CREATE TABLE IF NOT EXISTS request (id INTEGER PRIMARY KEY, ${columns.join(', ')}) STRICT;
  CREATE INDEX IF NOT EXISTS request_time ON request (time);`;

/** Where the request log lies in a state directory. */
export function requestLogPath(stateDir: string): string {
  return join(stateDir, 'intentd.db');
}
