import Database from 'better-sqlite3';

/** A message that carries an answer, as it will be published. */
export interface AnswerMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1;
  readonly correlationData?: Buffer;
}

/** An answered request, as it is kept. */
export interface Delivery {
  readonly key: string;
  readonly messages: readonly AnswerMessage[];
  /** Milliseconds since 1970 until which a repeat of the request gets the same messages. */
  readonly expires: number;
  /** Whether the broker still has to take them. */
  readonly undelivered: boolean;
}

interface Row {
  key: string;
  messages: string;
  expires: number;
  undelivered: number;
}

const prunedAtOnce = 1000;

/** `delivery.db`: answers that must reach the broker, and that a repeated request gets again. */
export class DeliveryStore {
  readonly #database: Database.Database;
  readonly #put: Database.Statement;
  readonly #get: Database.Statement;
  readonly #delivered: Database.Statement;
  readonly #prune: Database.Statement;
  readonly #undelivered: Database.Statement;

  /** @param path the file, made if it is not there; its folder must exist */
  constructor(path: string) {
    this.#database = new Database(path, { timeout: 0 });
    this.#database.pragma('journal_mode = WAL');
    this.#database.pragma('synchronous = NORMAL');
    this.#database.exec(
      `CREATE TABLE IF NOT EXISTS delivery (
         key TEXT PRIMARY KEY, messages TEXT NOT NULL, expires REAL NOT NULL, undelivered INTEGER NOT NULL
       ) STRICT, WITHOUT ROWID;
       CREATE INDEX IF NOT EXISTS delivery_expires ON delivery (expires);`,
    );
    this.#put = this.#database.prepare('INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?)');
    this.#get = this.#database.prepare('SELECT * FROM delivery WHERE key = ? AND expires > ?');
    this.#delivered = this.#database.prepare('UPDATE delivery SET undelivered = 0 WHERE key = ?');
    this.#prune = this.#database.prepare(
      `DELETE FROM delivery WHERE key IN (
         SELECT key FROM delivery WHERE expires <= ? AND (undelivered = 0 OR expires <= ?)
         ORDER BY expires LIMIT ${prunedAtOnce})`,
    );
    this.#undelivered = this.#database.prepare(
      'SELECT * FROM delivery WHERE undelivered = 1 ORDER BY expires',
    );
  }

  /** Writes answers and notes deliveries in one transaction. */
  commit(deliveries: readonly Delivery[], delivered: readonly string[]): void {
    this.#database.transaction(() => {
      for (const { key, messages, expires, undelivered } of deliveries) {
        this.#put.run(key, encode(messages), expires, undelivered ? 1 : 0);
      }
      for (const key of delivered) this.#delivered.run(key);
    })();
  }

  /** The messages that answered the request of `key`, if that was within its time. */
  find(key: string, now: number): readonly AnswerMessage[] | undefined {
    const row = this.#get.get(key, now) as Row | undefined;
    return row === undefined ? undefined : decode(row.messages);
  }

  /** What the broker had not taken when the last process ended, oldest first. */
  undelivered(): Delivery[] {
    return (this.#undelivered.all() as Row[]).map((row) => ({
      key: row.key,
      messages: decode(row.messages),
      expires: row.expires,
      undelivered: true,
    }));
  }

  /** Deletes some of what is past its time; what was never delivered is kept for `graceMs` longer. */
  prune(now: number, graceMs: number): void {
    this.#prune.run(now, now - graceMs);
  }

  close(): void {
    this.#database.close();
  }
}

function encode(messages: readonly AnswerMessage[]): string {
  return JSON.stringify(
    messages.map(({ correlationData, ...rest }) => ({
      ...rest,
      ...(correlationData === undefined ? {} : { correlation: correlationData.toString('base64') }),
    })),
  );
}

function decode(text: string): AnswerMessage[] {
  const stored = JSON.parse(text) as (AnswerMessage & { correlation?: string })[];
  return stored.map(({ correlation, ...rest }) => ({
    ...rest,
    ...(correlation === undefined ? {} : { correlationData: Buffer.from(correlation, 'base64') }),
  }));
}
